# Wikipedia's official split as ready features: 128-d CNN image features and
# 100-d word-vector texts, the .mat file "wiki" of the public RoPH repository
# (any .npz or .mat with such arrays will do). Validation pairs are cut from
# the training rows.
feature_file = 'data/wikipedia/deep_roph.npz'
arrays = dict(
    train=dict(image='I_tr', text='T_tr', label='y_tr'),
    test=dict(image='I_te', text='T_te', label='y_te'))
classes = ['art', 'biology', 'geography', 'history', 'literature', 'media',
           'music', 'royalty', 'sport', 'warfare']
standardized = ()
pairs = dict(
    type='FeaturePairDataset', file=feature_file, arrays=arrays,
    standardized=standardized, classes=classes)

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
