"""Tiny folders as sentence-transformers and CLIP are stored."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import torch
from safetensors.torch import save_file
from tiny_towers import write_hf_folders

_MODULES = 'sentence_transformers.models.'
BERT = dict(model_type='bert', hidden_size=8, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=8, vocab_size=30,
            pad_token_id=0, max_position_embeddings=32)


def write_sentence_folder(root: Path, steps: list[dict[str, Any]],
                          prompts: Optional[dict[str, str]] = None,
                          default: Optional[str] = None,
                          lower: bool = False) -> Path:
    """A BERT of eight numbers and what comes after it.

    Args:
        root: Gets the folder ``st``.
        steps: ``type`` and what its config.json holds.
        prompts: Of config_sentence_transformers.json.
        default: Name of the prompt in use.
        lower: Of sentence_bert_config.json.
    """
    torch.manual_seed(0)
    write_hf_folders(root, {'st': BERT})
    folder = root / 'st'
    listed = [dict(idx=0, name='0', path='', type=f'{_MODULES}Transformer')]
    for place, step in enumerate(steps, 1):
        step, inside = dict(step), f'{place}_{step["type"]}'
        listed.append(dict(idx=place, name=str(place), path=inside,
                           type=_MODULES + step.pop('type')))
        (folder / inside).mkdir()
        (folder / inside / 'config.json').write_text(json.dumps(step))
        if 'in_features' in step:
            save_file({'linear.weight': torch.randn(
                step['out_features'], step['in_features']),
                'linear.bias': torch.randn(step['out_features'])},
                folder / inside / 'model.safetensors')
        if 'dimension' in step:
            save_file({'norm.weight': torch.randn(step['dimension']),
                       'norm.bias': torch.randn(step['dimension'])},
                      folder / inside / 'model.safetensors')
    for name, value in (
            ('modules', listed),
            ('sentence_bert_config', dict(max_seq_length=6,
                                          do_lower_case=lower)),
            ('config_sentence_transformers', dict(
                prompts=prompts or {}, default_prompt_name=default))):
        (folder / f'{name}.json').write_text(json.dumps(value))
    return folder


def write_clip(root: Path, kind: str = 'clip', side: int = 32,
               **processor: Any) -> Path:
    """A dual encoder with its processor, as ``save_pretrained`` leaves it."""
    from tiny_towers import ARCHITECTURES
    torch.manual_seed(0)
    write_hf_folders(root, {kind: ARCHITECTURES[kind]})
    (root / kind / 'preprocessor_config.json').write_text(json.dumps(dict(
        dict(do_resize=True, size=dict(shortest_edge=side), resample=3,
             do_center_crop=True, crop_size=dict(height=side, width=side),
             do_normalize=True, rescale_factor=1 / 255,
             image_processor_type='CLIPImageProcessor',
             image_mean=[.5, .4, .3], image_std=[.2, .3, .4]), **processor)))
    return root / kind
