_base_ = [
    '../../configs/_base_/datasets/wikipedia_features.py',
    '../../configs/_base_/schedules/features.py',
    '../../configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['chtn_plugin', 'my_method'],
                      allow_failed_imports=False)
model = dict(
    type='TwoMaps', num_classes=10, width=64,
    trunk=dict(input_shape=(128, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=100, norm=None))
