# Pascal Sentences: photos of 20 classes and their captions, with ImageNet as
# the source.
#
# data/pascal/    pairs.tsv (columns id, split, class, image, text), images
# data/imagenet/  list.txt ("path label" lines, label 0 to 999), images
#
# tools/prepare_dataset.py pascal, and imagenet, fetch or check them. Where a
# manifest has no validation split, a fifth of the training pairs is it.
data_root = 'data/pascal'
source_root = 'data/imagenet'
bag_of_words = dict(type='BagOfWords', num_terms=1000, weighting='tfidf',
                    norm='l2')
# RGB pixels 0 to 255; the data preprocessor of a leaf normalises them as its
# backbone's weights expect.
load = [
    dict(type='LoadRGBImage', min_side=256),
    dict(type='ResizeShorterSide', size=256),
]
train_image_pipeline = [
    *load,
    dict(type='mmpretrain.RandomCrop', crop_size=224),
    dict(type='mmpretrain.RandomFlip', prob=0.5),
]
image_pipeline = [*load, dict(type='mmpretrain.CenterCrop', crop_size=224)]
pairs = dict(
    type='CrossModalDataset', data_root=data_root, ann_file='pairs.tsv',
    text=bag_of_words, val_fraction=0.2)

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='HybridTransferDataset',
        target=dict(pairs, split='train', pipeline=train_image_pipeline),
        source=dict(
            type='SourceImageDataset', data_root=source_root,
            ann_file='list.txt', num_classes=1000,
            pipeline=train_image_pipeline)))
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='val', pipeline=image_pipeline))
test_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(pairs, split='test', pipeline=image_pipeline))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
