# Wikipedia (Rasiwasia et al., 2010) in its original layout, with ImageNet as
# the source domain.
#
# data/wikipedia/   trainset_txt_img_cat.list, testset_txt_img_cat.list,
#                   images/<class>/<id>.jpg, texts/<id>.xml
# data/imagenet/    list.txt ("path label" lines, label 0 to 999), images
#
# tools/prepare_dataset.py wiki, and imagenet, fetch or check them.
data_root = 'data/wikipedia'
source_root = 'data/imagenet'
# The released list has training and test only. Selection needs a validation
# split, which is cut from the 2,173 training pairs; the test split is all 693.
val_fraction = 0.1

bag_of_words = dict(type='BagOfWords', num_terms=3000, weighting='count')
# 224 crop of 256, no mirror; random in training, central in test.
load = [
    dict(type='LoadImageFromFile', imdecode_backend='cv2'),
    dict(type='Resize', scale=(256, 256)),
]
train_image_pipeline = [
    *load,
    dict(type='mmpretrain.RandomCrop', crop_size=224),
]
image_pipeline = [*load, dict(type='mmpretrain.CenterCrop', crop_size=224)]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    # Pairs in list order, source images shuffled, as released.
    sampler=dict(type='PassSampler', shuffle=False, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='HybridTransferDataset',
        target=dict(
            type='WikipediaDataset', data_root=data_root, split='train',
            val_fraction=val_fraction, pipeline=train_image_pipeline,
            text=bag_of_words),
        source=dict(
            type='SourceImageDataset', data_root=source_root,
            ann_file='list.txt', num_classes=1000,
            pipeline=train_image_pipeline,
            hint='tools/prepare_dataset.py imagenet makes it from a copy of '
            'ImageNet')))
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='WikipediaDataset', data_root=data_root, split='val',
        val_fraction=val_fraction, pipeline=image_pipeline,
        text=bag_of_words))
test_dataloader = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='WikipediaDataset', data_root=data_root, split='test',
        val_fraction=val_fraction, pipeline=image_pipeline,
        text=bag_of_words))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
