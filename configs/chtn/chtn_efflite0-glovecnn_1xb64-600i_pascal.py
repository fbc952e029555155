# CHTN with EfficientNet-Lite0 features and Kim's CNN over GloVe vectors,
# Pascal Sentences.
#
#   python tools/train.py \
#       configs/chtn/chtn_efflite0-glovecnn_1xb64-600i_pascal.py
#
# Data besides: word vectors in any format that read_word_vectors knows, such
# as glove.6B.50d.txt (set vectors, and vector_size to theirs).
# Expect: .82 mean mAP ± .02 on the test split (chtn-map-all:dot, five seeds);
# README.md beside this file.
_base_ = [
    '../_base_/models/chtn_features.py',
    '../_base_/datasets/pascal_features.py',
    '../_base_/schedules/features.py',
    '../_base_/default_runtime.py',
]
widths = (512, 512)
num_words = 30_000
vectors = 'data/glove6b50_subset/glove6b50_subset.npz'
model = dict(
    # Ranked by the probability of one class; as released: by cosine.
    similarity='dot',
    num_classes=6,
    input_shape=(1280, ),
    source_pathway='image',
    num_source_classes=50,
    text_encoder=dict(
        _delete_=True, type='WordCNN', num_words=num_words, vector_size=50,
        vectors=vectors),
    image_pathway=dict(widths=widths, dropout=0.5),
    common_head=dict(widths=widths),
    mmd=dict(_delete_=True, type='MMDLoss'))

words = dict(_delete_=True, type='WordIndices', vectors=vectors,
             num_words=num_words, max_length=80)
train_dataloader = dict(dataset=dict(target=dict(text=words)))
val_dataloader = dict(dataset=dict(text=words))
test_dataloader = dict(dataset=dict(text=words))

# The schedule has 0.03; one run of this configuration with either preferred
# 0.1 on validation.
optim_wrapper = dict(optimizer=dict(lr=0.1))
