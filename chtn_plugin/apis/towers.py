"""Open pretrained towers as a run, so that everything takes them as one."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, TRANSFORMS

from ..models.aligned_towers import with_architectures
from ..models.tower_configs import tower_configs
from .trained_run import TrainedRun

#: What a name begins with that means towers in place of a run.
SCHEME = 'towers:'


def open_towers(name: str, prompt: Optional[str] = None,
                data: Optional[str | Path] = None) -> TrainedRun:
    """Make a run of pretrained towers that nobody trained here.

    Args:
        name: A folder, or a name on the Hugging Face hub: a dual encoder of
            transformers (CLIP, SigLIP, …), or a model of
            sentence-transformers, which searches texts by texts.
        prompt: Name of a prompt of sentence-transformers. None: the model's
            default.
        data: Manifest whose rows are the run's test and validation data.

    Returns:
        A run without classes. Its configuration holds the architectures, so
        that it does without the folder.

    Raises:
        FileNotFoundError: They, or the manifest, cannot be had.
        KeyError: There is no such prompt.
        ValueError: They are of no known kind.
    """
    towers = tower_configs(name, prompt)
    model = MODELS.build(towers.model)
    config = with_architectures(towers.model, model)
    text_state = None
    dataset: dict[str, Any] = dict(type='CrossModalDataset')
    if towers.pipeline is not None:
        dataset['pipeline'] = towers.pipeline
    if towers.text is not None:
        dataset['text'] = towers.text
        text_state = TRANSFORMS.build(towers.text).state()
    loaders = {f'{split}_dataloader': dict(dataset=dict(
        dataset, **_of_manifest(data), split=split,
        # Nothing is fitted, and no other rows are needed.
        fit_split=split))
        for split in ('test', 'val')}
    cfg = ConfigDict(model=config, **loaders)
    meta = dict(cfg=Config(cfg).pretty_text,
                dataset_meta=dict(text=text_state))
    return TrainedRun(Path(name), cfg, model.state_dict(), meta, (),
                      text_state)


def _of_manifest(data: Optional[str | Path]) -> dict[str, Any]:
    if data is None:
        return {}
    path = Path(data)
    if not path.is_file():
        raise FileNotFoundError(f'manifest not found: {data}')
    return dict(data_root=str(path.parent), ann_file=path.name,
                unpaired='keep')
