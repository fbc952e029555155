# Deep cross-media knowledge transfer: a source of pairs, here of fashion,
# for Pascal Sentences; both as ready features of the same two encoders.
#
#   for set in pascal_sentences fashion_small; do
#     python tools/extract_features.py data/$set --images offline \
#         --texts offline --out data/$set/features_minilm.npz; done
#   python tools/train.py configs/methods/dckt_pascal.py
#
# Expect .882 mean mAP on the test split (chtn-map-all:dot, seed 0, 59 pairs).
_base_ = [
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
unit = ('image', 'text')
pairs = dict(type='FeaturePairDataset', l2_normalized=unit,
             file='data/pascal_sentences/features_minilm.npz')
source = dict(type='FeaturePairDataset', l2_normalized=unit,
              file='data/fashion_small/features_minilm.npz', val_fraction=0.1)
model = dict(
    type='DCKT',
    num_classes=6,
    num_source_classes=20,
    trunk=dict(input_shape=(1280, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=384,
                      norm=None))
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='PassSampler', shuffle=True, infinite=True),
    collate_fn=dict(type='cross_modal_collate'),
    dataset=dict(type='HybridTransferDataset',
                 target=dict(pairs, split='train'), source=source))
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
