"""Data sets and samplers: what is read, and what one batch holds."""
import mmcv.transforms  # noqa: F401  (registers LoadImageFromFile, Resize, …)

from .._moved import moved_names
from .collate import cross_modal_collate
from .cross_modal import CrossModalDataset
from .draws import Draw, PassSampler
from .feature_pairs import FeaturePairDataset
from .glyphs import GlyphDataset, GlyphSourceDataset, prepare_glyphs
from .hybrid_transfer import HybridTransferDataset
from .image_transforms import LoadRGBImage
from .manifest import PairRecord, read_manifest, write_manifest
from .source_images import SourceFeatureDataset, SourceImageDataset
from .wikipedia import WikipediaDataset

__all__ = [
    'CrossModalDataset', 'Draw', 'FeaturePairDataset', 'GlyphDataset',
    'GlyphSourceDataset', 'HybridTransferDataset', 'LoadRGBImage',
    'PairRecord', 'PassSampler', 'SourceFeatureDataset',
    'SourceImageDataset', 'WikipediaDataset', 'cross_modal_collate',
    'prepare_glyphs', 'read_manifest', 'write_manifest'
]

__getattr__ = moved_names(__name__, {
    'FeatureCacheHook': 'chtn_plugin.engine',
    **dict.fromkeys(('BagOfWords', 'HFTokens', 'TextTransform', 'Tokenizer',
                     'WordIndices'), 'chtn_plugin.text')})
