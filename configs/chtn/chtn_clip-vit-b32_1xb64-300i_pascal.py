# CHTN's shared head on CLIP ViT-B/32: both towers frozen, their projections
# are the head's input, so that nothing undoes their alignment.
#
#   python tools/train.py configs/chtn/chtn_clip-vit-b32_1xb64-300i_pascal.py
#
# Weights: fetched from the Hugging Face hub on first use. Without network set
# towers to the folder that
#   hf download openai/clip-vit-base-patch32 --local-dir DIR
# fills where there is one.
# Expect: not measured yet. clip-vit-b32_zeroshot_pascal.py is what it adds to.
_base_ = [
    '../_base_/models/chtn_towers.py',
    '../_base_/datasets/pascal.py',
    '../_base_/schedules/finetune.py',
    '../_base_/default_runtime.py',
]
towers = 'openai/clip-vit-base-patch32'
model = dict(
    backbone=dict(type='HFVisionBackbone', model=towers, output='projection'),
    trunk_mode='frozen',
    text_encoder=dict(_delete_=True, type='HFTextEncoder', model=towers,
                      pooling='projection', frozen=True),
    image_pathway=dict(_delete_=True, type='IdentityPathway'),
    # Without layers of its own, a source domain teaches nothing here.
    source_pathway=None,
    mmd=None,
    pair=None,
    data_preprocessor=dict(
        mean=[122.771, 116.746, 104.094], std=[68.501, 66.632, 70.323]))

tokens = dict(_delete_=True, type='HFTokens', model=towers, max_length=77)
train_dataloader = dict(dataset=dict(target=dict(text=tokens)))
val_dataloader = dict(dataset=dict(text=tokens))
test_dataloader = dict(dataset=dict(text=tokens))
