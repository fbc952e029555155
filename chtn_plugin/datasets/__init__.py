"""Data sets and samplers: what is read, and what a batch holds."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
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

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'collate': ('cross_modal_collate', ),
    'cross_modal': ('CrossModalDataset', ),
    'draws': ('Draw', 'PassSampler'),
    'feature_pairs': ('FeaturePairDataset', ),
    'glyphs': ('GlyphDataset', 'GlyphSourceDataset', 'prepare_glyphs'),
    'hybrid_transfer': ('HybridTransferDataset', ),
    'image_transforms': ('LoadRGBImage', ),
    'manifest': ('PairRecord', 'read_manifest', 'write_manifest'),
    'source_images': ('SourceFeatureDataset', 'SourceImageDataset'),
    'wikipedia': ('WikipediaDataset', ),
}, moved={
    'FeatureCacheHook': 'chtn_plugin.engine',
    **dict.fromkeys(('BagOfWords', 'HFTokens', 'TextTransform', 'Tokenizer',
                     'WordIndices'), 'chtn_plugin.text')})
