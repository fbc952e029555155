# One logistic regression a modality on the demo: the pixels of pictures of
# characters, and their names. Fitted once, in seconds, nothing to download.
#
#   python tools/train.py configs/methods/semantic_matching_demo.py
#
# Expect .480 mean mAP on the test split (chtn-map-all:dot, one fit).
_base_ = [
    '../_base_/datasets/glyphs.py',
    '../_base_/schedules/closed_form.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='SemanticMatching',
    num_classes=16,
    trunk=dict(input_shape=(1, 32, 32)),
    text_encoder=dict(type='VectorTextEncoder', out_features=1000,
                      norm=None),
    data_preprocessor=dict(
        type='CrossModalDataPreprocessor', mean=[255.0], std=[-255.0]))
# The demo's own configuration crops at random, and has a source domain.
train_dataloader = dict(dataset=dict(
    _delete_=True, type='GlyphDataset', data_root={{_base_.data_root}},
    split='train', pipeline={{_base_.image_pipeline}},
    text={{_base_.bag_of_words}}))
