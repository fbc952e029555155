# Pascal Sentences (photos and five captions each; the 6 of 20 classes whose
# photos are to be had) as a manifest with ready image features, EfficientNet-
# Lite0's; the source domain is 50 classes of Tiny ImageNet in the same
# feature space. A fifth of the training pairs is the validation split.
data_root = 'data/pascal_sentences'
source_file = 'data/tiny_imagenet50/features_efflite0.npz'
image_features = dict(file='features_efflite0.npz', key='F')
bag_of_words = dict(type='BagOfWords', num_terms=1000, weighting='tfidf',
                    norm='l2')
pairs = dict(
    type='CrossModalDataset', data_root=data_root, ann_file='pairs.tsv',
    image_features=image_features, text=bag_of_words, val_fraction=0.2)

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='HybridTransferDataset',
        target=dict(pairs, split='train'),
        source=dict(type='SourceFeatureDataset', file=source_file)))
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
