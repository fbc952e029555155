# A user's own pairs as ready features, in the file that
# tools/extract_features.py writes. A leaf that tools/make_manifest.py writes
# sets the file, in each loader's data set.
pairs = dict(type='FeaturePairDataset', l2_normalized=('image', 'text'))

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='train'))
val_dataloader = dict(
    batch_size=512,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='val'))
test_dataloader = dict(
    batch_size=512,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='test'))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
