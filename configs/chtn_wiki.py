# CHTN on Wikipedia with ImageNet as its source, as released.
#
#   python tools/train.py configs/chtn_wiki.py
#   bash tools/dist_train.sh configs/chtn_wiki.py 8
#
# Data: configs/_base_/datasets/wikipedia.py says what lies where.
# Start: both image pathways and the source classifier begin as the ImageNet
# classifier; tools/convert_weights.py makes the checkpoint from the released
# .caffemodel. The frozen trunk is worth nothing without it.
_base_ = [
    '_base_/models/chtn_alexnet.py',
    '_base_/datasets/wikipedia.py',
    '_base_/schedules/released.py',
    '_base_/default_runtime.py',
]
load_from = 'checkpoints/alexnet_bn_imagenet.pth'
default_hooks = dict(checkpoint=dict(interval=50 * 16))
