# CHTN with EfficientNet-Lite0 features and Kim's CNN over characters, whose
# vectors are learned from nothing; web news in Chinese.
#
#   python tools/train.py \
#       configs/chtn/chtn_efflite0-charcnn_1xb64-600i_webnews.py
#
# Expect: not measured yet.
_base_ = [
    '../_base_/models/chtn_features.py',
    '../_base_/datasets/webnews_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
widths = (512, 512)
num_words = 5000
model = dict(
    input_shape=(1280, ),
    source_pathway='image',
    num_source_classes=50,
    text_encoder=dict(
        _delete_=True, type='WordCNN', num_words=num_words, vector_size=64),
    image_pathway=dict(widths=widths, dropout=0.7),
    common_head=dict(widths=widths),
    mmd=dict(_delete_=True, type='MMDLoss'))

words = dict(_delete_=True, type='WordIndices', num_words=num_words,
             max_length=200, tokenizer=dict(unit='character'))
train_dataloader = dict(dataset=dict(target=dict(text=words)))
val_dataloader = dict(dataset=dict(text=words))
test_dataloader = dict(dataset=dict(text=words))
