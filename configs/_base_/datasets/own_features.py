# A user's own pairs as ready features, in the file that
# tools/extract_features.py writes. A leaf that tools/make_manifest.py writes
# sets the file, in each loader's data set.
unit = ('image', 'text')

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(type='FeaturePairDataset', split='train',
                 l2_normalized=unit))
val_dataloader = dict(
    batch_size=512,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(type='FeaturePairDataset', split='val',
                 l2_normalized=unit))
test_dataloader = dict(
    batch_size=512,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(type='FeaturePairDataset', split='test',
                 l2_normalized=unit))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
