"""Maximum mean discrepancy: the single-modal transfer loss of CHTN."""
from __future__ import annotations

from typing import Optional

import torch
from mmengine.dist import get_world_size
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..checks import check_choice
from .gathering import gather_rows, mean_square_distance, row_counts

ESTIMATORS = ('unbiased', 'biased', 'sampled')
SCOPES = ('auto', 'batch', 'bandwidth', 'rank')
#: Rows of each domain and rank below which 'auto' gathers.
SMALL_BATCH = 256
# Columns taken at a time, so that intermediate results fit the cache.
_COLUMNS = 1024


def squared_mmd(source: Tensor,
                target: Tensor,
                estimator: str = 'unbiased',
                num_kernels: int = 1,
                kernel_mul: float = 2.0,
                gamma: Optional[float | Tensor] = None,
                num_samples: Optional[int] = None,
                generator: Optional[torch.Generator] = None) -> Tensor:
    r"""Compute the squared maximum mean discrepancy under Gaussian kernels.

    Single-modal transfer of CHTN (https://arxiv.org/abs/1706.00153, its
    equations for fc6 and fc7; the bandwidth rule and the sampled estimator
    are those of the authors' release):

    .. math::
        \overline{k(s, s')} + \overline{k(t, t')} - 2\,\overline{k(s, t)},
        \qquad k(a, b) = \frac1K \sum_j e^{-\gamma_j \lVert a - b\rVert^2}

    The estimators differ in what the bars average over; the value is only
    comparable under the same one:

    - ``'unbiased'``: every pair of *different* rows within a domain, every
      pair across. Its expectation is the population value, so it may be
      negative.
    - ``'biased'``: every pair, a row with itself too. Equal batches give 0,
      no batch gives less.
    - ``'sampled'``: ``num_samples`` random quadruples
      :math:`(s_1 \ne s_2, t_1 \ne t_2)`, as released. Same expectation as
      ``'unbiased'`` at a higher variance; O(n D) where the others take
      O(n² D).

    Distances and kernels are computed in float32 at least, under autocast
    too; the result has that type.

    Args:
        source: Features of the source domain, (S, D).
        target: Features of the target domain, (T, D).
        estimator: One of ``'unbiased'``, ``'biased'``, ``'sampled'``.
        num_kernels: How many kernels K to average, with j = 0..K-1:
            :math:`\gamma_j = \gamma\, m^{j - \lfloor K/2 \rfloor}`.
        kernel_mul: Ratio m of one kernel's gamma to the one before.
        gamma: Inverse squared distance. None: one over the mean squared
            distance between different rows of both batches, constant in the
            gradient.
        num_samples: Quadruples that ``'sampled'`` draws. None: as many as
            the smaller batch has rows (64 in the release).
        generator: Source of randomness of ``'sampled'``; on the features'
            device. None: torch's global one.

    Returns:
        Scalar; in [0, 2] for ``'biased'``, in [-2, 4] otherwise.

    Raises:
        ValueError: The feature sizes differ, an option is out of range, or a
            batch has fewer rows than the estimator needs (2; 1 if biased).
    """
    _check_options(estimator, num_kernels, kernel_mul, num_samples)
    if source.dim() != 2 or target.dim() != 2 or (
            source.shape[1] != target.shape[1]):
        raise ValueError('source and target must share the feature size, as '
                         f'(S, D) and (T, D), got {tuple(source.shape)} and '
                         f'{tuple(target.shape)}')
    needed = 1 if estimator == 'biased' else 2
    if min(len(source), len(target)) < needed:
        raise ValueError(f'the {estimator} estimator needs at least {needed} '
                         f'rows of each domain, got {len(source)} and '
                         f'{len(target)}')
    with torch.autocast(source.device.type, enabled=False):
        source, target = _full(source), _full(target)
        if estimator != 'sampled':
            return _QuadraticMMD.apply(source, target, estimator == 'biased',
                                       gamma, num_kernels, kernel_mul)
        first, second = _draw(
            len(source), len(target),
            num_samples or min(len(source), len(target)), generator,
            source.device)
        return _SampledMMD.apply(source, target, first, second, gamma,
                                 num_kernels, kernel_mul)


def _check_options(estimator: str, num_kernels: int, kernel_mul: float,
                   num_samples: Optional[int]) -> None:
    check_choice('estimator', estimator, ESTIMATORS)
    if num_kernels < 1 or kernel_mul <= 0:
        raise ValueError('num_kernels must be at least 1 and kernel_mul '
                         f'positive, got {num_kernels} and {kernel_mul}')
    if num_samples is not None and num_samples < 1:
        raise ValueError(f'num_samples must be positive, got {num_samples}')


def _full(features: Tensor) -> Tensor:
    """To float32 unless it is float64."""
    return features if features.dtype == torch.float64 else features.float()


def _scaled(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows brought to numbers about 1, and the power of two that does it.

    Squares of features as small as 1e-20 or as large as 1e20 leave the range
    of float32; a power of two loses no digit.
    """
    largest = rows.abs().amax()
    exponent = torch.where(largest > 0, torch.frexp(largest).exponent, 0)
    # In two steps: two to the power of 140 is beyond float32 itself.
    half = exponent // 2
    scale = torch.exp2(-half.to(rows.dtype))
    rest = torch.exp2(-(exponent - half).to(rows.dtype))
    return rows * scale * rest, exponent


def _on_host(rows: Tensor) -> bool:
    """Whether numbers can be looked at freely; elsewhere rows are scaled."""
    return rows.device.type == 'cpu'


def _in_range(total: Tensor) -> bool:
    """Whether a sum of squares on the host lost nothing."""
    return 1e-25 < float(total) < 1e30


def _gammas(gamma: Optional[float | Tensor], total: Tensor, num_rows: int,
            exponent: Optional[Tensor], num_kernels: int,
            kernel_mul: float) -> list[Tensor]:
    """Inverse squared distances of the kernels, for rows as scaled.

    Args:
        gamma: What was asked for, for rows before scaling. None: one over
            the mean squared distance between different rows.
        total: Sum of the squared distances of all pairs, as scaled.
        num_rows: Rows of both batches.
        exponent: Power of two that the rows were divided by. None: 0.
        num_kernels: Number of kernels.
        kernel_mul: Ratio of neighbours.
    """
    if gamma is None:
        pairs = num_rows * (num_rows - 1)
        base = torch.where(total > 0, pairs / total, 1.)
    else:
        wide = torch.as_tensor(gamma, dtype=torch.float64,
                               device=total.device)
        if exponent is not None:
            wide = wide * torch.exp2(2. * exponent.double())
        base = wide.to(total.dtype)
    return [base * kernel_mul**(j - num_kernels // 2)
            for j in range(num_kernels)]


def _draw(num_source: int, num_target: int, num_samples: int,
          generator: Optional[torch.Generator], device: torch.device
          ) -> tuple[Tensor, Tensor]:
    """The four pairs of each random quadruple, (4 N,) each.

    Rows of the target come after those of the source; the pairs are s1 with
    s2, t1 with t2, s1 with t2 and t1 with s2.
    """
    def two_different(n: int) -> tuple[Tensor, Tensor]:
        first = torch.randint(n, (num_samples, ), generator=generator,
                              device=device)
        step = torch.randint(1, n, (num_samples, ), generator=generator,
                             device=device)
        return first, (first + step) % n

    s1, s2 = two_different(num_source)
    t1, t2 = (row + num_source for row in two_different(num_target))
    return torch.cat([s1, t1, s1, t1]), torch.cat([s2, t2, t2, s2])


class _SampledMMD(torch.autograd.Function):
    """The estimate of random quadruples, from differences of the drawn rows.

    Only the drawn pairs are looked at, some columns at a time, so that what
    is in between stays in the cache. With the pairs' slopes in a matrix that
    is empty but for them, the gradient is one sparse product.
    """

    @staticmethod
    def forward(ctx, source: Tensor, target: Tensor, first: Tensor,
                second: Tensor, gamma, num_kernels: int,
                kernel_mul: float) -> Tensor:
        rows = torch.cat([source, target])
        exponent: Optional[Tensor] = None
        if _on_host(rows):
            total, sq_dist = _pair_distances(rows, first, second)
        if not _on_host(rows) or not _in_range(total):
            rows, exponent = _scaled(rows - rows.mean(0))
            total, sq_dist = _pair_distances(rows, first, second)
        sign = torch.ones_like(sq_dist)
        sign[len(first) // 2:] = -1
        sign /= len(first) // 4 * num_kernels
        value = rows.new_zeros(())
        slope = torch.zeros_like(sq_dist)
        for g in _gammas(gamma, total, len(rows), exponent, num_kernels,
                         kernel_mul):
            weighted = torch.exp(-g * sq_dist).mul_(sign)
            value = value + weighted.sum()
            slope -= 2 * g * weighted
        ctx.save_for_backward(rows, first, second, slope, exponent)
        ctx.num_source = len(source)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_value: Tensor):
        rows, first, second, slope, exponent = ctx.saved_tensors
        n = len(rows)
        slope = slope * grad_value
        where = torch.cat([first * n + first, second * n + second,
                           first * n + second, second * n + first])
        matrix = rows.new_zeros(n * n).index_add_(
            0, where, torch.cat([slope, slope, -slope, -slope])).view(n, n)
        if rows.device.type == 'cpu' and n > 4:
            matrix = matrix.to_sparse()
        grad = _unscaled(matrix @ rows, exponent)
        return (grad[:ctx.num_source], grad[ctx.num_source:],
                None, None, None, None, None)


def _pair_distances(rows: Tensor, first: Tensor, second: Tensor
                    ) -> tuple[Tensor, Tensor]:
    """Squared distances: their sum over all rows' pairs, and of some, (P,).

    The sum over all pairs of ||a - b||² is 2n times the sum of squared
    distances from the mean.
    """
    total = rows.new_zeros(())
    sq_dist = rows.new_zeros(len(first))
    width = _COLUMNS if rows.device.type == 'cpu' else rows.shape[1]
    for part in rows.split(max(1, width), dim=1):
        total = total + (part - part.mean(0)).square_().sum()
        difference = part.index_select(0, first)
        difference -= part.index_select(0, second)
        sq_dist += difference.square_().sum(1)
    return 2 * len(rows) * total, sq_dist


def _unscaled(grad: Tensor, exponent: Optional[Tensor]) -> Tensor:
    """Gradient with respect to rows before :func:`_scaled`."""
    if exponent is None:
        return grad
    half = exponent // 2
    return (grad * torch.exp2(-half.to(grad.dtype))
            * torch.exp2(-(exponent - half).to(grad.dtype)))


class _QuadraticMMD(torch.autograd.Function):
    """Both quadratic estimates from the three blocks of the Gram matrix.

    The value is the sum of w_ab k(a, b) with constant weights w, so with
    M = sum_j 2 γ_j (w ∘ k_j) its gradient with respect to row a is
    2 sum_b M_ab (b - a): one more matrix product, of M less its row sums on
    the diagonal, where autograd through the Gram matrix takes two. Pairs of
    source and target are looked at once, not from both sides.
    """

    @staticmethod
    def forward(ctx, source: Tensor, target: Tensor, with_self: bool,
                gamma, num_kernels: int, kernel_mul: float) -> Tensor:
        rows = _centred(source, target)
        exponent: Optional[Tensor] = None
        if _on_host(rows):
            pairs = _BlockPairs(rows, len(source))
        if not _on_host(rows) or not _in_range(pairs.total):
            rows, exponent = _scaled(rows)
            pairs = _BlockPairs(rows, len(source))
        middle, = _gammas(gamma, pairs.total, len(rows), exponent, 1,
                          kernel_mul)
        first = middle * kernel_mul**-(num_kernels // 2)
        kernel, slope = _kernel_sums(pairs.flat, first, num_kernels,
                                     kernel_mul)
        value = pairs.mean_difference(kernel, with_self) / num_kernels
        matrix = pairs.weighted_matrix(slope, with_self)
        # What the slopes lack yet.
        ctx.save_for_backward(rows, matrix, exponent,
                              first * (4 / num_kernels))
        ctx.num_source = len(source)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_value: Tensor):
        rows, matrix, exponent, factor = ctx.saved_tensors
        grad = _unscaled((matrix * (factor * grad_value)) @ rows, exponent)
        return (grad[:ctx.num_source], grad[ctx.num_source:],
                None, None, None, None)


def _centred(source: Tensor, target: Tensor) -> Tensor:
    """Rows of both less their mean, (S + T, D).

    Centring keeps ||a||² + ||b||² - 2ab from cancelling. It is done on the
    way into one matrix: at 64 + 64 rows of 4096 a pass through memory takes
    a fiftieth of a product.
    """
    s, n = len(source), len(source) + len(target)
    # As products, which take half the time of sums along this axis.
    share = source.new_full((1, n), 1 / n)
    mean = torch.addmm(share[:, :s] @ source, share[:, s:], target)
    rows = source.new_empty(n, source.shape[1])
    torch.sub(source, mean, out=rows[:s])
    torch.sub(target, mean, out=rows[s:])
    return rows


class _BlockPairs:
    """Squared distances of pairs: of the source, of the target, and across.

    Args:
        rows: Rows that were centred, the source's first, (S + T, D).
        num_source: S.

    Attributes:
        flat: All three blocks, (S² + T² + S T,).
        total: Sum of the squared distances of all pairs, from both sides:
            2 (S + T) times that of the distances from the mean.
    """

    def __init__(self, rows: Tensor, num_source: int) -> None:
        self.s, self.t = num_source, len(rows) - num_source
        source, target = rows[:self.s], rows[self.s:]
        self.flat = rows.new_empty(self.s**2 + self.t**2 + self.s * self.t)
        within, other, across = self.blocks(self.flat)
        torch.mm(source, source.T, out=within)
        torch.mm(target, target.T, out=other)
        torch.mm(source, target.T, out=across)
        norms = torch.cat([within.diagonal(), other.diagonal()])
        self.total = norms.sum() * (2 * len(rows))
        left, right = norms[:self.s], norms[self.s:]
        self.flat.mul_(-2)
        within.add_(left[:, None]).add_(left)
        other.add_(right[:, None]).add_(right)
        across.add_(left[:, None]).add_(right)
        self.flat.clamp_(min=0)
        within.fill_diagonal_(0)
        other.fill_diagonal_(0)

    def blocks(self, flat: Tensor) -> list[Tensor]:
        """Views of (S, S), (T, T) and (S, T)."""
        s, t = self.s, self.t
        return [part.view(shape) for part, shape in zip(
            flat.split([s * s, t * t, s * t]), [(s, s), (t, t), (s, t)],
            strict=True)]

    def weights(self, with_self: bool) -> tuple[float, float, float]:
        """What a pair of each block counts."""
        s, t, less = self.s, self.t, 0 if with_self else 1
        return 1 / (s * (s - less)), 1 / (t * (t - less)), -1 / (s * t)

    def mean_difference(self, kernel: Tensor, with_self: bool) -> Tensor:
        """Mean of a kernel within both, less twice that across."""
        within, other, across = self.blocks(kernel)
        if not with_self:
            within.fill_diagonal_(0)
            other.fill_diagonal_(0)
        a, b, c = self.weights(with_self)
        return within.sum() * a + other.sum() * b + across.sum() * (2 * c)

    def weighted_matrix(self, slope: Tensor, with_self: bool) -> Tensor:
        """Slopes by their weights, less the row sums on the diagonal."""
        s, n = self.s, self.s + self.t
        matrix = slope.new_empty(n, n)
        within, other, across = self.blocks(slope)
        a, b, c = self.weights(with_self)
        torch.mul(within, a, out=matrix[:s, :s])
        torch.mul(other, b, out=matrix[s:, s:])
        torch.mul(across, c, out=matrix[:s, s:])
        matrix[s:, :s] = matrix[:s, s:].T
        matrix.fill_diagonal_(0)
        matrix.diagonal().sub_(matrix.sum(1))
        return matrix


def _kernel_sums(sq_dist: Tensor, gamma: Tensor, num_kernels: int,
                 kernel_mul: float) -> tuple[Tensor, Tensor]:
    """Sum over kernels k_j, and of m^j k_j, j = 0..K-1, at γ_j = γ m^j.

    With the usual ratio m = 2 each kernel is the square of the one before,
    exact to a few roundings; an exponential takes as long as ten squares.
    """
    kernel = (sq_dist * -gamma).exp_()
    total, slope = kernel.clone(), kernel.clone()
    for number in range(1, num_kernels):
        if kernel_mul == 2:
            kernel.square_()
        else:
            torch.mul(sq_dist, gamma * -kernel_mul**number, out=kernel).exp_()
        total.add_(kernel)
        slope.add_(kernel, alpha=kernel_mul**number)
    return total, slope


@MODELS.register_module()
class MMDLoss(nn.Module):
    """Weighted :func:`squared_mmd` between two batches of features.

    The MMD of a batch is not the mean of the MMDs of its shares, so on
    several ranks it matters which rows meet.

    Args:
        estimator: ``'unbiased'`` (lower variance, the default), ``'biased'``
            or ``'sampled'`` (the release's).
        num_kernels: Number of Gaussian kernels; the release has 1.
        kernel_mul: Ratio between the gammas of neighbouring kernels.
        num_samples: Quadruples that ``'sampled'`` draws; None: as many as
            the smaller batch has rows.
        loss_weight: Factor on the value; the release has 1.
        scope: What the loss is of, on several ranks. ``'batch'``: the rows of
            all ranks, gathered with their gradients; equal to one process on
            the concatenated batch. Every rank must hold as many rows.
            ``'bandwidth'``: each rank's rows under the bandwidth of all, the
            mean of the ranks' values. ``'rank'``: the same under each rank's
            own bandwidth. ``'auto'``: ``'batch'`` where a rank has fewer
            than 256 rows of each domain, else ``'bandwidth'``.
            ``'sampled'``, whose quadruples each rank draws from its own
            rows, takes ``'batch'`` as ``'bandwidth'``.
    """

    def __init__(self,
                 estimator: str = 'unbiased',
                 num_kernels: int = 1,
                 kernel_mul: float = 2.0,
                 num_samples: Optional[int] = None,
                 loss_weight: float = 1.0,
                 scope: str = 'auto') -> None:
        super().__init__()
        _check_options(estimator, num_kernels, kernel_mul, num_samples)
        check_choice('scope', scope, SCOPES)
        self.estimator = estimator
        self.num_kernels = num_kernels
        self.kernel_mul = kernel_mul
        self.num_samples = num_samples
        self.loss_weight = loss_weight
        self.scope = scope

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Compute the weighted MMD² of features (S, D) and (T, D)."""
        gamma = None
        if get_world_size() > 1 and self.scope != 'rank':
            source, target = _full(source), _full(target)
            counts = self._counts_to_gather(source, target)
            if counts is not None:
                source, target = gather_rows(source, target, counts=counts)
            else:
                rows = torch.cat([source, target])
                distance = mean_square_distance(rows)
                gamma = torch.where(distance > 0, 1 / distance, 1.)
        return self.loss_weight * squared_mmd(
            source, target, self.estimator, self.num_kernels,
            self.kernel_mul, gamma, self.num_samples)

    def _counts_to_gather(self, source: Tensor, target: Tensor
                          ) -> Optional[list[list[int]]]:
        """Rows of each rank if all are to be gathered, alike on every rank.

        Asked of all ranks, since one whose last batch is smaller must not
        decide by itself.
        """
        if self.estimator == 'sampled' or self.scope == 'bandwidth':
            return None
        counts = row_counts(source, target)
        if self.scope == 'batch' or min(held[0] for held in counts) < (
                SMALL_BATCH):
            return counts
        return None
