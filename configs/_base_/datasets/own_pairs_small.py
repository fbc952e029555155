# A user's own manifest for a small network that learns from scratch: pictures
# of 64x64, cropped and mirrored at random in training. A leaf that
# tools/make_manifest.py writes sets, in each loader's data set, where the
# manifest lies, its classes and the text transform.
_base_ = 'own_pairs.py'
image_size = 64
load = [
    dict(type='LoadRGBImage', min_side=image_size + 8),
    dict(type='Resize', scale=(image_size + 8, image_size + 8)),
]
train_pipeline = [
    *load,
    dict(type='mmpretrain.RandomCrop', crop_size=image_size),
    dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal'),
]
pipeline = [*load, dict(type='mmpretrain.CenterCrop', crop_size=image_size)]

train_dataloader = dict(
    num_workers=2,
    persistent_workers=True,
    dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = val_dataloader
