"""Every image adapter and text encoder, tiny and random, for the matrix."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

TEXTS = ['a cat sits', 'two dogs run', 'a bird', 'cat and dog and bird 猫']
SIZE = 32

_VISION = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
               intermediate_size=8, image_size=SIZE, patch_size=16)
_TEXT = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
             intermediate_size=8, vocab_size=30, pad_token_id=0)
_CLIP_TEXT = dict(_TEXT, eos_token_id=3, bos_token_id=2,
                  max_position_embeddings=16)


def _dual(kind: str, **options: Any) -> dict[str, Any]:
    return dict(model_type=kind, text_config=_CLIP_TEXT,
                vision_config=_VISION, **options)


ARCHITECTURES = {
    'vit': dict(model_type='vit', **_VISION),
    'dinov2': dict(model_type='dinov2', mlp_ratio=1, **_VISION),
    'convnext': dict(model_type='convnext', hidden_sizes=[4, 8],
                     depths=[1, 1], num_stages=2),
    'clip': _dual('clip', projection_dim=6),
    'siglip': _dual('siglip'),
    'bert': dict(model_type='bert', **_TEXT),
    'xlm-roberta': dict(model_type='xlm-roberta', **_TEXT),
}


def _hf(kind: str, **options: Any) -> dict[str, Any]:
    return dict(type='HFVisionBackbone', model=kind, **options)


def _timm(name: str, **options: Any) -> dict[str, Any]:
    return dict(type='mmpretrain.TIMMBackbone', model_name=name, **options)


# Name: backbone, pooling.
IMAGES = {
    'ResNet': (dict(type='mmpretrain.ResNet', depth=18, stem_channels=4,
                    base_channels=4), 'average'),
    'VGG': (dict(type='mmpretrain.VGG', depth=11, num_stages=2,
                 dilations=(1, 1), out_indices=(1, )), 'average'),
    'MobileNetV3': (dict(type='mmpretrain.MobileNetV3', arch='small_050'),
                    'average'),
    'EfficientNet': (dict(type='mmpretrain.EfficientNet', arch='b0',
                          out_indices=(2, )), 'average'),
    'ConvNeXt': (dict(type='mmpretrain.ConvNeXt', arch=dict(
        depths=[1, 1, 1, 1], channels=[4, 4, 8, 8])), 'average'),
    'ViT': (dict(type='mmpretrain.VisionTransformer', arch=dict(
        embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8),
        img_size=SIZE, patch_size=16), 'cls'),
    'ViT tokens': (dict(type='mmpretrain.VisionTransformer', arch=dict(
        embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8),
        img_size=SIZE, patch_size=16, out_type='raw'), 'average'),
    'Swin': (dict(type='mmpretrain.SwinTransformer', arch=dict(
        embed_dims=4, depths=[1, 1], num_heads=[1, 2]), img_size=SIZE,
        window_size=4, out_indices=(1, )), 'average'),
    'SmallConvNet': (dict(type='SmallConvNet', in_channels=3,
                       channels=(4, 8)), 'flatten'),
    'timm CNN': (_timm('test_resnet', features_only=False), 'average'),
    'timm ViT': (_timm('test_vit', img_size=SIZE), 'average'),
    'HF ViT': (_hf('vit'), 'cls'),
    'HF DINOv2': (_hf('dinov2'), 'cls'),
    'HF ConvNeXt': (_hf('convnext'), 'average'),
    'HF CLIP': (_hf('clip', output='projection'), 'flatten'),
    'HF CLIP tokens': (_hf('clip'), 'average'),
    'HF SigLIP': (_hf('siglip', output='pooler'), 'flatten'),
}

_WORDS = dict(type='WordIndices', num_words=30, max_length=8)
_TOKENS = dict(type='HFTokens', max_length=8)


def _hf_text(kind: str, **options: Any) -> tuple[dict, dict]:
    return (dict(_TOKENS, model=kind),
            dict(type='HFTextEncoder', model=kind, **options))


# Name: text transform, text encoder.
TEXT_TOWERS = {
    'bag of words': (dict(type='BagOfWords', num_terms=20),
                     dict(type='VectorTextEncoder', out_features=20)),
    'word CNN': (_WORDS, dict(type='WordCNN', num_words=30, vector_size=4,
                              channels=3, dropout=0.)),
    'BiGRU': (_WORDS, dict(type='BiGRU', num_words=30, vector_size=4,
                           hidden=3, dropout=0.)),
    'BERT': _hf_text('bert', pooling='mean'),
    'BERT frozen': _hf_text('bert', pooling='cls', frozen=True),
    'XLM-R': _hf_text('xlm-roberta', pooling='pooler'),
    'CLIP': _hf_text('clip', pooling='projection', normalized=True),
    'SigLIP': _hf_text('siglip', pooling='eos'),
}


def write_hf_folders(root: Path, architectures: Optional[
        dict[str, dict[str, Any]]] = None) -> None:
    """A folder for each architecture, with its weights and a tokenizer.

    Args:
        root: Where the folders come.
        architectures: By the folder's name; None: all of this module.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', *sorted(
        {word for text in TEXTS for word in text.split()})]
    tokenizer = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(words)}, unk_token='[UNK]'))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]', special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token='[PAD]', unk_token='[UNK]',
        cls_token='[CLS]', sep_token='[SEP]')
    for name, architecture in (architectures or ARCHITECTURES).items():
        from transformers import AutoConfig, AutoModel
        AutoModel.from_config(AutoConfig.for_model(
            **architecture)).save_pretrained(root / name)
        fast.save_pretrained(root / name)


def in_folder(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """The configuration with its model's folder in place of its kind."""
    if config.get('model') in ARCHITECTURES:
        return dict(config, model=str(root / config['model']))
    return dict(config)
