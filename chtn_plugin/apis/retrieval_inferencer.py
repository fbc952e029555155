"""Search and classify pictures and sentences with a trained model."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.infer import BaseInferencer
from mmengine.registry import INFERENCERS
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from .._errors import building
from ..checks import check_choice, check_device
from ..models.cross_modal_model import CrossModalModel
from ..storage.pictures import SUFFIXES
from .gallery import Gallery
from .gallery_filter import Filter
from .gallery_sources import ITEM_FIELDS
from .named_runs import open_named_run
from .opened_gallery import open_gallery
from .pictures import MAX_PIXELS, load_picture
from .query import Query, part_scale, query_notes, query_vector
from .search_result import Hit, SearchResult, draw_results
from .towers import open_towers
from .trained_run import TrainedRun

MAX_CHARS = 1_000_000
PRECISIONS = ('fp32', 'bf16')


@INFERENCERS.register_module()
class RetrievalInferencer(BaseInferencer):
    """Encodes pictures and texts with a trained model, and searches.

    Everything comes from the run: configuration, transforms, vocabulary and
    class names stand in its checkpoint, so that a file or folder that was
    moved or renamed is enough.

    >>> model = RetrievalInferencer('work_dirs/chtn_demo')
    >>> model.index('pictures/')
    >>> model.search(text='rightwards arrow', topk=3).hits

    Args:
        model: Checkpoint file, or work directory (its best checkpoint);
            a published folder; ``'hf://USER/NAME'``, one on the Hugging Face
            hub; ``'towers:NAME'``, pretrained towers without any training
            (see :meth:`from_towers`); or an open run.
        device: Where to compute. None: a GPU where there is one.
        trust: See :func:`open_run`: False reads data and runs nothing.
        precision: ``'fp32'``, or ``'bf16'`` to encode in bfloat16, with
            convolutions channels-last.
        batch_size: Items encoded at once.
        max_pixels: Larger pictures are refused.
        show_progress: Show a bar.
        scope: As everywhere in MMEngine.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ValueError: It cannot be used; the message says why.
    """

    def __init__(self,
                 model: str | Path | TrainedRun,
                 device: Optional[str] = None,
                 trust: bool = False,
                 precision: str = 'fp32',
                 batch_size: int = 64,
                 max_pixels: int = MAX_PIXELS,
                 show_progress: bool = True,
                 scope: Optional[str] = None) -> None:
        check_choice('precision', precision, PRECISIONS)
        if batch_size < 1:
            raise ValueError(f'batch_size must be at least 1, got '
                             f'{batch_size}')
        # MMEngine's constructor would run the configuration, start a
        # visualizer and load the weights without checking them.
        self.run = (model if isinstance(model, TrainedRun) else
                    open_named_run(model, trust))
        self.scope = scope
        self.cfg = self.run.cfg
        self.device = check_device(get_device() if device is None
                                   else device)
        self.precision = precision
        self.batch_size = batch_size
        self.max_pixels = max_pixels
        self.show_progress = show_progress
        self.model = self.run.build_model().to(self.device)
        if precision == 'bf16':
            # The CPU's bfloat16 units want channels-last; pictures follow.
            self.model = self.model.to(memory_format=torch.channels_last)
        if not isinstance(self.model, CrossModalModel):
            raise ValueError('a model must have encode_image and encode_text:'
                             f' {type(self.model).__name__} is no '
                             'CrossModalModel, which has')
        self.pipeline = self._init_pipeline(self.cfg)
        self.text_transform = self.run.build_text_transform()
        self.visualizer = None
        self.gallery: Optional[Gallery] = None

    @classmethod
    def from_towers(cls,
                    name: str,
                    prompt: Optional[str] = None,
                    data: Optional[str | Path] = None,
                    device: Optional[str] = None,
                    precision: str = 'fp32',
                    batch_size: int = 64,
                    max_pixels: int = MAX_PIXELS,
                    show_progress: bool = True) -> RetrievalInferencer:
        """Use pretrained towers as they are, without any training.

        >>> model = RetrievalInferencer.from_towers(
        ...     'openai/clip-vit-base-patch32')
        >>> model.index('pictures/')
        >>> model.search(text='a red shoe').hits

        Args:
            name: As :func:`~chtn_plugin.apis.towers.open_towers` takes it:
                CLIP, SigLIP, a model of sentence-transformers, ``open_clip:``
                and a name.
            prompt: Name of a prompt of sentence-transformers. None: the
                model's default.
            data: Manifest whose rows are the run's test data.
            device: As the class takes it.
            precision: As the class takes it.
            batch_size: As the class takes it.
            max_pixels: As the class takes it.
            show_progress: As the class takes it.

        Raises:
            FileNotFoundError: The towers cannot be had.
            ValueError: They are of no known kind.
        """
        return cls(open_towers(name, prompt, data), device, False, precision,
                   batch_size, max_pixels, show_progress)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""
        count = self.model.num_classes or 0
        return self.run.classes or tuple(f'class {i}' for i in range(count))

    @property
    def similarity(self) -> str:
        """How representations are compared: ``'cosine'`` or ``'dot'``."""
        return self.model.similarity

    def encode_images(self, images: Any,
                      progress: Optional[bool] = None) -> np.ndarray:
        """Encode pictures into the common representation.

        Args:
            images: One or many, of any length: paths, PIL pictures, uint8
                arrays (H, W, 3); or, for a model of ready features, an array
                (N, D).
            progress: Show a bar. None: as the inferencer does.

        Returns:
            (N, D) float32.

        Raises:
            FileNotFoundError, ValueError: As :func:`load_picture`.
        """
        return self._joined(self._encoded(_listed(images, 'image'), 'image',
                                          progress), 'repr')

    def encode_texts(self, texts: str | Iterable[str],
                     progress: Optional[bool] = None) -> np.ndarray:
        """Encode texts into the common representation, (N, D) float32."""
        return self._joined(self._encoded(_listed(texts, 'text'), 'text',
                                          progress), 'repr')

    def class_probabilities(self, images: Any = None,
                            texts: Any = None) -> np.ndarray:
        """Predict class probabilities of pictures or texts, (N, C) float32.

        Its columns are :attr:`classes`.

        Raises:
            ValueError: The model has no classifier.
        """
        items, kind = _one_kind(images, texts)
        if self.model.num_classes is None:
            raise ValueError('class probabilities need a model with a '
                             f'classifier: {type(self.model).__name__} has '
                             'none')
        return self._joined(self._encoded(items, kind, False),
                            'probabilities')

    def load_image(self, image: Any) -> Tensor:
        """Load a picture as model input; see :func:`load_picture`."""
        if self.pipeline is None:
            if isinstance(image, (str, Path, Image.Image)):
                raise ValueError('an image must be a vector of ready '
                                 'features: this model was trained on them, '
                                 'and takes no pictures')
            return torch.as_tensor(np.asarray(image, np.float32))
        return load_picture(image, self.pipeline, self.max_pixels)

    @torch.inference_mode()
    def encode_batch(self, kind: str, items: Sequence[Any]
                     ) -> dict[str, np.ndarray]:
        """Encode a batch: ``repr`` (B, D), ``probabilities`` (B, C).

        A model without a classifier gives the first alone.

        Args:
            kind: ``'image'`` or ``'text'``.
            items: Loaded images, (channels, H, W) each, or texts.
        """
        if kind == 'image':
            inputs = dict(image=torch.stack(list(items)))
        else:
            inputs = dict(text=self._text_inputs(items))
        data = self.model.data_preprocessor(
            dict(inputs=inputs, data_samples={}), False)
        encode = getattr(self.model, f'encode_{kind}')
        with (torch.autocast(self.device.type, torch.bfloat16)
              if self.precision == 'bf16' else nullcontext()):
            encoded = encode(data['inputs'][kind])
        return {name: value.float().cpu().numpy() for name, value in (
            ('repr', encoded.repr), ('probabilities', encoded.probabilities))
            if value is not None}

    def index(self, source: Any, progress: Optional[bool] = None) -> Gallery:
        """Make a gallery, which :meth:`search` then searches.

        Args:
            source: Folder of pictures (and ``.txt`` files, a text a line);
                manifest; index; embeddings (``.npz``); or a gallery.
            progress: Show a bar. None: as the inferencer does.

        Returns:
            The gallery. Its ``skipped`` lists what could not be read.
        """
        show = self.show_progress if progress is None else progress
        self.gallery = (source if isinstance(source, Gallery) else
                        open_gallery(self, source, show))
        return self.gallery

    def search(self,
               text: Optional[str] = None,
               image: Any = None,
               topk: int = 10,
               target: Optional[str] = None,
               balance: Optional[float] = None,
               image_weight: float = 0.5,
               filters: Sequence[Filter | str] = ()) -> SearchResult:
        """Search the gallery by a text, a picture, or both.

        Args:
            text: The query, or
            image: the query; with both, their vectors are joined: "this,
                but red".
            topk: How many; a smaller gallery gives all it has.
            target: ``'image'`` or ``'text'``: what to look for. None: the
                other kind (of both, images), or what the gallery has.
            balance: Share of the instance part, of a model that has one: 0
                asks for this kind of thing, 1 for this very thing. None: as
                validation chose.
            image_weight: Share of the picture in a query of both.
            filters: What an item must meet, as :class:`Filter` or as
                ``'FIELD=VALUE'``.

        Raises:
            RuntimeError: There is no gallery yet.
            ValueError: The gallery is empty or of another model, a query
                cannot be read, or an option is out of its range.
        """
        query = Query(text, image, image_weight)
        if self.gallery is None:
            raise RuntimeError('there must be a gallery: call index() first')
        conditions = [each if isinstance(each, Filter) else Filter.parse(each)
                      for each in filters]
        encoded = {kind: next(self._encoded(_listed(item, kind), kind, False))
                   for kind, item in query.items.items()}
        vector = query_vector({kind: batch['repr'][0] for kind, batch in
                               encoded.items()}, query, self.model, balance)
        searched = target or (
            'text' if query.kind == 'image' else 'image')
        nearest = self.gallery.find(vector, topk, searched, conditions)
        scale = part_scale(self.model.balance, balance)
        hits = [Hit(rank, each.score,
                    **{name: each.item[name] for name in ITEM_FIELDS},
                    parts={name: float(vector[part] @ each.row[part]
                                       ) * scale[name]
                           for name, part in self.model.parts.items()
                           if name in scale})
                for rank, each in enumerate(nearest, 1)]
        classes = {}
        if self.model.num_classes is not None:
            shares = query.mean({
                kind: batch['probabilities'][0].astype(float)
                for kind, batch in encoded.items()})
            classes = dict(zip(self.classes, shares.tolist(), strict=True))
        return SearchResult(
            query.words, query.kind, hits, classes, (
                *query_notes(query, hits, topk, self.gallery,
                             self.model.nearby, self.text_transform),
                *self.gallery.notes), image, self.similarity)

    def _text_inputs(self, texts: Sequence[Any]) -> Any:
        if self.text_transform is None:
            if any(isinstance(text, str) for text in texts):
                raise ValueError('a text must be a vector of ready features: '
                                 'this model was trained on them, and takes '
                                 'no strings')
            return torch.stack([torch.as_tensor(np.asarray(
                text, np.float32)) for text in texts])
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f'a text must be a string, got '
                                f'{type(text).__name__}')
            if len(text) > MAX_CHARS:
                raise ValueError(f'a text must have at most {MAX_CHARS} '
                                 f'characters, got {len(text)}')
        return self.text_transform(list(texts))

    def _encoded(self, items: Iterable[Any], kind: str,
                 progress: Optional[bool]) -> Iterator[dict[str, np.ndarray]]:
        show = self.show_progress if progress is None else progress
        total = len(items) if isinstance(items, Sized) else None
        if show:
            items = tqdm(items, f'encode {kind}s', total, disable=None)
        iterator = iter(items)
        while batch := list(islice(iterator, self.batch_size)):
            if kind == 'image':
                batch = [self.load_image(item) for item in batch]
            yield self.encode_batch(kind, batch)

    def _joined(self, batches: Iterable[Mapping[str, np.ndarray]],
                name: str) -> np.ndarray:
        rows = [batch[name] for batch in batches]
        return (np.concatenate(rows) if rows else
                np.zeros((0, self.model.num_classes or 0), np.float32))

    # What follows is BaseInferencer's own protocol: inferencer(inputs).

    preprocess_kwargs: set = set()
    forward_kwargs: set = {'topk', 'target', 'balance'}
    visualize_kwargs: set = {'draw'}
    postprocess_kwargs: set = set()

    def _init_pipeline(self, cfg: Any) -> Any:
        steps = self.run.pipeline_config
        with building(f'the image transforms of {self.run.path}'):
            return None if steps is None else Compose(steps)

    def preprocess(self, inputs: Sequence[Any], batch_size: int = 1
                   ) -> Iterator[list[dict[str, Any]]]:
        """Tell pictures from texts: a path of a picture file is one."""
        for item in inputs:
            if isinstance(item, Mapping):
                yield [dict(item)]
            elif isinstance(item, str) and not (
                    item.lower().endswith(SUFFIXES) and Path(item).is_file()):
                yield [dict(text=item)]
            else:
                yield [dict(image=item)]

    def forward(self, inputs: Sequence[dict[str, Any]], topk: int = 10,
                target: Optional[str] = None,
                balance: Optional[float] = None) -> list[SearchResult]:
        """Search for each query."""
        return [self.search(**query, topk=topk, target=target,
                            balance=balance)
                for query in inputs]

    def visualize(self, inputs: Sequence[Any], preds: Sequence[SearchResult],
                  draw: bool = False) -> Optional[Image.Image]:
        """Draw all queries and their results as one picture, if asked for."""
        return draw_results(preds) if draw else None

    def postprocess(self, preds: Sequence[SearchResult], visualization: Any,
                    return_datasample: bool = False) -> dict[str, Any]:
        """Join predictions and pictures in MMEngine's form."""
        return dict(predictions=list(preds), visualization=visualization)


def _one_kind(image: Any, text: Any) -> tuple[list[Any], str]:
    if text is not None and image is None:
        return _listed(text, 'text'), 'text'
    return _listed(image, 'image'), 'image'


def _listed(items: Any, kind: str) -> Any:
    """One item as a list of one; many as they are."""
    if isinstance(items, (str, Path, Image.Image)):
        return [items]
    if isinstance(items, np.ndarray):
        if kind == 'image' and items.dtype == np.uint8 and (
                items.ndim == 2 or items.ndim == 3 and items.shape[2] in
                (1, 3)):
            return [items]
        return items[None] if items.ndim == 1 else items
    if isinstance(items, Tensor):
        return items[None] if items.dim() == 1 else items
    return items
