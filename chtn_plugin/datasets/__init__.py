"""What is read from disk, and what one item holds."""
import mmcv.transforms  # noqa: F401  (registers LoadImageFromFile, Resize, …)

from .collate import cross_modal_collate
from .cross_modal import CrossModalDataset
from .draws import Draw, PassSampler
from .feature_cache import FeatureCacheHook
from .feature_pairs import FeaturePairDataset
from .glyphs import GlyphDataset, GlyphSourceDataset, prepare_glyphs
from .hf_tokens import HFTokens
from .hybrid_transfer import HybridTransferDataset
from .image_transforms import LoadRGBImage
from .manifest import PairRecord, read_manifest, write_manifest
from .source_images import SourceFeatureDataset, SourceImageDataset
from .text import BagOfWords, TextTransform, Tokenizer
from .wikipedia import WikipediaDataset
from .word_indices import WordIndices

__all__ = [
    'BagOfWords', 'CrossModalDataset', 'Draw', 'FeatureCacheHook',
    'FeaturePairDataset', 'GlyphDataset', 'GlyphSourceDataset', 'HFTokens',
    'HybridTransferDataset',
    'LoadRGBImage', 'PairRecord', 'PassSampler', 'SourceFeatureDataset',
    'SourceImageDataset', 'TextTransform', 'Tokenizer', 'WikipediaDataset',
    'WordIndices', 'cross_modal_collate', 'prepare_glyphs', 'read_manifest',
    'write_manifest'
]
