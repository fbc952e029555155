# CLIP ViT-B/32 as it is: its two projections compared by cosine. No training,
# hence no checkpoint; what CHTN adds to it is the difference.
#
#   python tools/test.py configs/chtn/clip-vit-b32_zeroshot_pascal.py
#
# Weights: see chtn_clip-vit-b32_1xb64-300i_pascal.py.
# Expect: not measured yet.
_base_ = [
    '../_base_/models/chtn_towers.py',
    '../_base_/datasets/pascal.py',
    '../_base_/default_runtime.py',
]
towers = 'openai/clip-vit-base-patch32'
model = dict(
    backbone=dict(type='HFVisionBackbone', model=towers, output='projection'),
    trunk_mode='frozen',
    text_encoder=dict(_delete_=True, type='HFTextEncoder', model=towers,
                      pooling='projection', frozen=True),
    image_pathway=dict(_delete_=True, type='IdentityPathway'),
    source_pathway=None,
    mmd=None,
    pair=None,
    representation='fc7',
    similarity='cosine',
    data_preprocessor=dict(
        mean=[122.771, 116.746, 104.094], std=[68.501, 66.632, 70.323]))

tokens = dict(_delete_=True, type='HFTokens', model=towers, max_length=77)
train_dataloader = None
val_dataloader = dict(dataset=dict(text=tokens))
test_dataloader = dict(dataset=dict(text=tokens))
val_cfg = dict()
test_cfg = dict()
