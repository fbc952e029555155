"""Wrap text models of the transformers package as text encoders."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from ...checks import check_choice
from ...storage.hf_files import (
    architecture_of,
    is_dual,
    load_hf_model,
    projected,
)
from ..text_inputs import check_text, on_device, shortened
from ..trunk import freeze_unused

POOLINGS = ('cls', 'mean', 'eos', 'pooler', 'projection')


@MODELS.register_module()
class HFTextEncoder(nn.Module):
    """BERT, MiniLM, XLM-R, CLIP's text tower, … as ``AutoModel`` knows them.

    Its input comes from the text transform ``HFTokens`` with the same
    ``model``.

    Args:
        model: Local folder, or name on the Hugging Face hub.
        architecture: What its ``config.json`` holds, in place of reading it;
            the weights are then random or a checkpoint's.
        pooling: Which vector stands for a text: that of the first token
            (``'cls'``), the mean over the tokens (``'mean'``), that of the
            last token (``'eos'``), the model's own (``'pooler'``), or, of a
            dual encoder, that in the space it shares with its images
            (``'projection'``).
        normalized: Whether to scale each vector to length 1.
        frozen: Whether the weights stay as they are. The model then stays in
            evaluation mode, and each text is encoded once, in float32
            whatever the precision around it: its vector is remembered.
        remembered: Number of vectors a frozen encoder remembers at most.
        lora: Arguments of peft's ``LoraConfig``.
        checkpointing: Whether to compute activations anew in the backward
            pass.

    Attributes:
        out_features: Size of a text's vector.

    Raises:
        ValueError: The pooling is not one of those above, or the model does
            not have it.
    """

    # Not a BaseModule: MMEngine's init_weights would reach the model's own
    # method of that name, which draws the weights anew.
    def __init__(self,
                 model: Optional[str] = None,
                 architecture: Optional[Mapping[str, Any]] = None,
                 pooling: str = 'mean',
                 normalized: bool = False,
                 frozen: bool = False,
                 remembered: int = 50_000,
                 lora: Optional[Mapping[str, Any]] = None,
                 checkpointing: bool = False) -> None:
        super().__init__()
        check_choice('pooling', pooling, POOLINGS)
        if frozen and lora is not None:
            raise ValueError('lora trains, frozen does not: give one of them')
        self.pooling = pooling
        self.normalized = normalized
        self.frozen = frozen
        self.remembered = remembered
        self._memory: dict[bytes, int] = {}
        self._vectors: Optional[Tensor] = None
        self.model: Any = load_hf_model(model, architecture, 'text', lora)
        if pooling == 'projection' and not is_dual(self.model):
            raise ValueError("pooling 'projection' needs a dual encoder, "
                             f'got {type(self.model).__name__}')
        self.architecture = architecture_of(self.model)
        if frozen:
            self.model.requires_grad_(False)
        self.out_features = self._probe()
        if checkpointing:
            self.model.gradient_checkpointing_enable()

    def _probe(self) -> int:
        self.model.eval()
        out = self._encoded({'input_ids': torch.zeros(1, 2, dtype=torch.int64),
                             'attention_mask': torch.ones(
                                 1, 2, dtype=torch.int64)})
        freeze_unused({name: p for name, p in self.model.named_parameters()
                       if p.requires_grad}, out)
        self.model.train(not self.frozen)
        return out.shape[1]

    def train(self, mode: bool = True) -> HFTextEncoder:
        """Set training mode, except for a frozen model."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def _load_from_state_dict(self, *args: Any) -> None:
        self._memory.clear()
        self._vectors = None
        super()._load_from_state_dict(*args)

    def forward(self, text: Mapping[str, Tensor]) -> Tensor:
        """Encode tokens as vectors.

        Args:
            text: ``input_ids`` (B, L) and, where the model wants it,
                ``attention_mask`` (B, L).

        Returns:
            (B, out_features).

        Raises:
            ValueError: The tokens do not fit the model.
        """
        check_text(text, 'tokens')
        if torch.jit.is_tracing():
            # An export's size must not depend on the example.
            return self._encoded(text)
        tensors, host = shortened(text)
        self._check(tensors['input_ids'], host)
        if not self.frozen:
            return self._encoded(tensors)
        # A vector outlives the batch that it was computed in: one of half
        # precision would meet float32 layers in a later validation.
        with torch.no_grad(), torch.autocast(
                tensors['input_ids'].device.type, enabled=False):
            return self._recalled(tensors, host)

    def encode(self, text: Mapping[str, Tensor]) -> Tensor:
        """Encode tokens, in the precision around it, remembering nothing.

        Args:
            text: As for :meth:`forward`.

        Returns:
            (B, out_features).
        """
        tensors, host = shortened(text)
        self._check(tensors['input_ids'], host)
        return self._encoded(tensors)

    def _recalled(self, text: Mapping[str, Tensor],
                  host: Optional[np.ndarray]) -> Tensor:
        """Vectors of a frozen model, each computed once.

        Nothing here waits for the device: which texts are known is asked of
        the host's copy, and vectors stay where they were computed.
        """
        ids = text['input_ids']
        device = ids.device
        if host is None:
            host = ids.cpu().numpy()
        keys = [row.tobytes() for row in host]
        # The first row of each text that is not known yet.
        new = {key: row for row, key in reversed(list(enumerate(keys)))
               if key not in self._memory}
        if self._vectors is not None and self._vectors.device != device:
            self._vectors = self._vectors.to(device)
        computed: Optional[Tensor] = None
        if new:
            rows = on_device(list(new.values()), device)
            computed = self._encoded(shortened(
                {name: value.index_select(0, rows)
                 for name, value in text.items()})[0])
        place = {key: at for at, key in enumerate(new)}
        like = self._vectors if computed is None else computed
        if like is None:  # no text at all
            return torch.empty(0, self.out_features, device=device)
        out = like.new_empty(len(keys), self.out_features)
        for source, where in ((self._vectors, self._memory),
                              (computed, place)):
            rows_here = [row for row, key in enumerate(keys) if key in where]
            if source is not None and rows_here:
                out.index_copy_(0, on_device(rows_here, device),
                                source.index_select(0, on_device(
                                    [where[keys[row]] for row in rows_here],
                                    device)))
        if computed is not None:
            self._remember(list(new), computed)
        return out

    def _remember(self, keys: Sequence[bytes], vectors: Tensor) -> None:
        first = len(self._memory)
        last = min(self.remembered, first + len(keys))
        if last <= first:
            return
        have = 0 if self._vectors is None else len(self._vectors)
        if last > have:
            size = min(self.remembered, max(last, 2 * have, 1024))
            more = vectors.new_empty(size - have, vectors.shape[1])
            self._vectors = (more if self._vectors is None else
                             torch.cat([self._vectors, more]))
        assert self._vectors is not None
        if self._vectors.is_inference() > torch.is_inference_mode_enabled():
            # torch allows writes to inference tensors in inference mode alone.
            self._vectors = self._vectors.clone()
        self._vectors[first:last] = vectors[:last - first]
        self._memory.update(zip(keys, range(first, last), strict=False))

    def _check(self, ids: Tensor, host: Optional[np.ndarray]) -> None:
        config = getattr(self.model.config, 'text_config', self.model.config)
        longest = getattr(config, 'max_position_embeddings', None)
        length = (ids if host is None else host).shape[1]
        if longest is not None and length > longest:
            raise ValueError(f'texts must have at most {longest} tokens, the '
                             "model's positions: got "
                             f'{length}; set max_length of HFTokens')
        if host is not None and host.size and (
                host.max() >= config.vocab_size):
            raise ValueError(
                f'a token must be below {config.vocab_size}, the vocabulary '
                f'of the model: got {int(host.max())}; are tokenizer and '
                'model of one kind?')

    def _encoded(self, text: Mapping[str, Tensor]) -> Tensor:
        if self.pooling == 'projection':
            vectors = projected(self.model.get_text_features(**text))
        else:
            model = (self.model.text_model if is_dual(self.model)
                     else self.model)
            vectors = self._pooled(model(**text), text.get('attention_mask'))
        return F.normalize(vectors) if self.normalized else vectors

    def _pooled(self, output: Any, mask: Optional[Tensor]) -> Tensor:
        if self.pooling == 'pooler':
            if getattr(output, 'pooler_output', None) is None:
                raise ValueError("pooling 'pooler' needs a model with a "
                                 f'pooler: {type(self.model).__name__} has '
                                 'none')
            return output.pooler_output
        states = output.last_hidden_state
        if self.pooling == 'cls':
            return states[:, 0]
        if mask is None:
            return (states.mean(1) if self.pooling == 'mean'
                    else states[:, -1])
        if self.pooling == 'mean':
            share = mask.to(states.dtype)[..., None]
            return (states * share).sum(1) / share.sum(1).clamp(min=1)
        place = torch.arange(mask.shape[1], device=mask.device)
        last = (mask * place).argmax(1)
        last = last[:, None, None].expand(-1, 1, states.shape[2])
        return states.gather(1, last)[:, 0]
