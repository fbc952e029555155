"""A tiny folder as open_clip saves its models."""
from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

CONFIG = dict(
    embed_dim=6,
    vision_cfg=dict(image_size=32, layers=1, width=8, head_width=4,
                    patch_size=16),
    text_cfg=dict(context_length=8, vocab_size=49408, width=8, heads=2,
                  layers=1))


def write_open_clip(root: Path, **preprocess: object) -> str:
    """Write the folder; return its name as open_clip knows it."""
    import open_clip
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**json.loads(json.dumps(CONFIG)))
    root.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in
               model.state_dict().items()},
              root / 'open_clip_model.safetensors')
    (root / 'open_clip_config.json').write_text(json.dumps(dict(
        model_cfg=CONFIG, preprocess_cfg=dict(
            dict(mean=[.5, .4, .3], std=[.2, .3, .4]), **preprocess))))
    return f'open_clip:local-dir:{root}'
