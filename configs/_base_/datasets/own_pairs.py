# A user's own manifest for frozen pretrained encoders. A leaf that
# tools/make_manifest.py writes sets, in each loader's data set, where the
# manifest lies, its classes and the text transform.
image_size = 224
pipeline = [
    dict(type='LoadRGBImage', min_side=image_size),
    dict(type='ResizeShorterSide', size=image_size),
    dict(type='mmpretrain.CenterCrop', crop_size=image_size),
]
train_pipeline = pipeline

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
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
