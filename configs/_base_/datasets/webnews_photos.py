# Web news' photos end to end (see webnews_features.py for the set), reduced
# to 64x64; the source domain is Tiny ImageNet (50 classes of it), 64x64 as
# well. Both are folders as tools/prepare_dataset.py leaves them:
#
#   python tools/prepare_dataset.py pairs --source FOLDER \
#       --out data/webnews_photos
#   python tools/prepare_dataset.py tiny-imagenet --source FOLDER
#
# Where the manifest has no validation split, a tenth of the training pairs is
# it.
data_root = 'data/webnews_photos'
source_root = 'data/tiny_imagenet/train'
num_terms = 3000
bag_of_words = dict(
    type='BagOfWords', num_terms=num_terms, weighting='tfidf', norm='l2',
    tokenizer=dict(unit='character', ngrams=(1, 2)))
load = dict(type='LoadRGBImage')
train_source_pipeline = [
    load,
    dict(type='mmpretrain.RandomCrop', crop_size=64, padding=6),
    dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal'),
]
train_image_pipeline = [
    load,
    dict(type='Resize', scale=(72, 72)),
    dict(type='mmpretrain.RandomCrop', crop_size=64),
    dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal'),
]
image_pipeline = [
    load,
    dict(type='Resize', scale=(72, 72)),
    dict(type='mmpretrain.CenterCrop', crop_size=64),
]
pairs = dict(
    type='CrossModalDataset', data_root=data_root, ann_file='pairs.tsv',
    text=bag_of_words, val_fraction=0.1)

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='HybridTransferDataset',
        target=dict(pairs, split='train', pipeline=train_image_pipeline),
        source=dict(
            type='SourceImageDataset', data_root=source_root,
            pipeline=train_source_pipeline,
            hint='tools/prepare_dataset.py tiny-imagenet makes it')))
val_dataloader = dict(
    batch_size=128,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='val', pipeline=image_pipeline))
test_dataloader = dict(
    batch_size=128,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='test', pipeline=image_pipeline))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
