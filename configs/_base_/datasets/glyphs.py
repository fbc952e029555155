# Pictures of characters and their names; see chtn_plugin/datasets/glyphs.py.
data_root = 'data/glyphs'
num_classes = 16
num_terms = 1000
image_pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale',
         imdecode_backend='cv2'),
]
train_image_pipeline = [
    *image_pipeline,
    dict(type='mmpretrain.RandomCrop', crop_size=32, padding=3, pad_val=255),
]
bag_of_words = dict(type='BagOfWords', num_terms=num_terms, weighting='tfidf',
                    norm='l2')

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='HybridTransferDataset',
        target=dict(
            type='GlyphDataset', data_root=data_root, split='train',
            pipeline=train_image_pipeline, text=bag_of_words),
        source=dict(
            type='GlyphSourceDataset', data_root=data_root,
            pipeline=train_image_pipeline)))
val_dataloader = dict(
    batch_size=256,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='GlyphDataset', data_root=data_root, split='val',
        pipeline=image_pipeline, text=bag_of_words))
test_dataloader = dict(
    batch_size=256,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(
        type='GlyphDataset', data_root=data_root, split='test',
        pipeline=image_pipeline, text=bag_of_words))
val_evaluator = dict(type='RetrievalMetric')
test_evaluator = val_evaluator
