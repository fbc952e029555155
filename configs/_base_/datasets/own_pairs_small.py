# A user's own manifest for a small network that learns from scratch: pictures
# of 64x64, cropped and mirrored at random in training. A leaf that
# tools/make_manifest.py writes sets, in each loader's data set, where the
# manifest lies, its classes and the text transform.
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
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='CrossModalDataset', split='train', unpaired='drop',
        text_mode='join', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='CrossModalDataset', split='val', unpaired='keep',
        text_mode='join', pipeline=pipeline))
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='CrossModalDataset', split='test', unpaired='keep',
        text_mode='join', pipeline=pipeline))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
