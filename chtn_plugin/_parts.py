"""Map each registered part to its module, so that it loads on demand.

MMEngine's registries have import locations of their own, but those serve
only whoever asks the root registry itself: a child registry (of mmpretrain,
say, under ``default_scope = 'mmpretrain'``) reads its parents' tables
without them, they are read once, and they load every part to find one.
Here the tables themselves know where a part is.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Union

#: A module that registers a part when it is imported, or a function that
#: does when it is called.
Home = Union[str, Callable[[], None]]

#: For each registry of MMEngine: each module with the parts it registers.
PARTS: dict[str, dict[str, Sequence[str]]] = {
    'DATASETS': {
        'datasets.cross_modal': ('CrossModalDataset', ),
        'datasets.feature_pairs': ('FeaturePairDataset', ),
        'datasets.glyphs': ('GlyphDataset', 'GlyphSourceDataset'),
        'datasets.hybrid_transfer': ('HybridTransferDataset', ),
        'datasets.source_images': (
            'SourceImageDataset', 'SourceFeatureDataset'),
        'datasets.wikipedia': ('WikipediaDataset', ),
    },
    'DATA_SAMPLERS': {
        'datasets.draws': ('PassSampler', ),
    },
    'FUNCTIONS': {
        'datasets.collate': ('cross_modal_collate', ),
    },
    'HOOKS': {
        'engine.feature_cache': ('FeatureCacheHook', ),
        'engine.hooks.resuming.architecture': ('ArchitectureHook', ),
        'engine.hooks.fitting.balance': ('BalanceHook', ),
        'engine.hooks.speed.batched_losses': ('BatchedLossesHook', ),
        'engine.hooks.speed.bounded_history': ('BoundedHistoryHook', ),
        'engine.hooks.speed.compiled_forward': ('CompiledForwardHook', ),
        'engine.hooks.checks.consistency': ('ConsistencyHook', ),
        'engine.hooks.resuming.exact_resume': ('ExactResumeHook', ),
        'engine.hooks.checks.finite_loss': ('FiniteLossHook', ),
        'engine.hooks.fitting.fit': ('FitHook', ),
        'engine.hooks.speed.float32_precision': ('Float32PrecisionHook', ),
        'engine.hooks.fitting.global_batch_norm': ('GlobalBatchNormHook', ),
        'engine.hooks.resuming.iteration_seed': ('IterationSeedHook', ),
        'engine.hooks.speed.kept_memory': ('KeptMemoryHook', ),
        'engine.hooks.pictures.mirrored_test': ('MirroredTestHook', ),
        'engine.hooks.pictures.retrieval_visualization': (
            'RetrievalVisualizationHook',),
        'engine.hooks.resuming.safe_checkpoint': ('SafeCheckpointHook', ),
        'engine.hooks.fitting.temperature': ('TeacherTemperatureHook', ),
    },
    'INFERENCERS': {
        'apis.retrieval_inferencer': ('RetrievalInferencer', ),
    },
    'METRICS': {
        'evaluation.retrieval_metric': ('RetrievalMetric', ),
    },
    'MODELS': {
        'losses.contrast': ('SupervisedContrastLoss', ),
        'losses.coral': ('CORALLoss', ),
        'losses.correlation': ('CanonicalLoss', ),
        'losses.likelihood': ('PairLikelihoodLoss', ),
        'losses.mmd': ('MMDLoss', ),
        'losses.pair_teacher': ('PairTeacherLoss', ),
        'losses.pairwise': ('PairwiseLoss', ),
        'losses.triplets': ('ClassTripletLoss', ),
        'methods.acmr': ('ACMR', ),
        'methods.asif': ('ASIF', ),
        'methods.cca': ('CCA', ),
        'methods.chtn': ('CHTN', ),
        'methods.dcca': ('DCCA', ),
        'methods.dckt': ('DCKT', ),
        'methods.deep_sm': ('DeepSM', ),
        'methods.dscmr': ('DSCMR', ),
        'methods.kernel_cca': ('KernelCCA', ),
        'methods.mhtn': ('MHTN', ),
        'methods.nearest_class_mean': ('NearestClassMean', ),
        'methods.pair_contrast': ('PairContrast', ),
        'methods.rbf_least_squares': ('RBFLeastSquares', ),
        'methods.ridge_map': ('RidgeMap', ),
        'methods.self_training': ('SelfTraining', ),
        'methods.semantic_matching': ('SemanticMatching', ),
        'methods.shrunken_lda': ('ShrunkenLDA', ),
        'methods.sup_con': ('SupCon', ),
        'methods.three_view_cca': ('ThreeViewCCA', ),
        'models.backbones.alexnet_bn': ('AlexNetBN', ),
        'models.backbones.efficientnet_lite': ('EfficientNetLite0', ),
        'models.backbones.hf_vision': ('HFVisionBackbone', ),
        'models.backbones.small_conv': ('SmallConvNet', ),
        'models.aligned_towers': ('AlignedTowers', ),
        'models.class_name_prior': ('ClassNamePrior', ),
        'models.class_regression': ('ClassRegression', ),
        'models.common_head': ('CommonHead', ),
        'models.data_preprocessor': ('CrossModalDataPreprocessor', ),
        'models.identity_pathway': ('IdentityPathway', ),
        'models.instance_maps': ('InstanceMaps', ),
        'models.open_clip_towers': ('OpenCLIPText', 'OpenCLIPVision'),
        'models.pathways': ('Pathway', 'VectorTextEncoder'),
        'models.text_encoders.bigru': ('BiGRU', ),
        'models.text_encoders.hf_text': ('HFTextEncoder', ),
        'models.text_encoders.sentence_encoder': ('SentenceEncoder', ),
        'models.text_encoders.word_cnn': ('WordCNN', ),
    },
    'OPTIM_WRAPPER_CONSTRUCTORS': {
        'engine.fused_optimizer': ('FusedOptimWrapperConstructor', ),
    },
    'OPTIM_WRAPPERS': {
        'engine.mixed_precision': ('CPUAmpOptimWrapper', ),
    },
    'TRANSFORMS': {
        'datasets.image_transforms': (
            'LoadRGBImage', 'ResizeShorterSide', 'PredecodedImage'),
        'text.bag_of_words': ('BagOfWords', ),
        'text.hf_tokens': ('HFTokens', ),
        'text.open_clip_tokens': ('OpenCLIPTokens', ),
        'text.tfidf_words': ('TfidfWords', ),
        'text.word_indices': ('WordIndices', ),
    },
    'VISBACKENDS': {
        'engine.mlflow_backend': ('RetrievalMLflowVisBackend', ),
        'engine.trackio_backend': ('TrackioVisBackend', ),
    },
}
#: Modules of other packages whose parts configurations name without a scope.
FOREIGN: dict[str, Sequence[str]] = {
    'TRANSFORMS': ('mmcv.transforms', ),  # LoadImageFromFile, Resize, …
}


class PartsOnDemand(dict[str, Any]):
    """A registry's table that imports a part when it is asked for.

    Args:
        present: The parts that are registered.
        homes: Where each part is that is not.
        foreign: Modules to be imported for a name that neither has.
    """

    def __init__(self, present: Mapping[str, Any], homes: Mapping[str, Home],
                 foreign: Sequence[str] = ()) -> None:
        super().__init__(present)
        self.homes: dict[str, Home] = dict(homes)
        self.foreign = list(foreign)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        if name in self.homes:
            self._import(self.homes[str(name)])
        else:
            self._import_foreign()
        return super().__contains__(name)

    def __missing__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Look a part up, importing it if need be."""
        return self[name] if name in self else default

    def __iter__(self) -> Iterator[str]:
        self._import_all()
        return super().__iter__()

    def __len__(self) -> int:
        self._import_all()
        return super().__len__()

    def keys(self) -> Any:
        """Return all names; this imports every part."""
        self._import_all()
        return super().keys()

    def values(self) -> Any:
        """Return all parts; this imports every one."""
        self._import_all()
        return super().values()

    def items(self) -> Any:
        """Return all names with their parts; this imports every one."""
        self._import_all()
        return super().items()

    @staticmethod
    def _import(home: Home) -> None:
        if isinstance(home, str):
            import_module(home)
        else:
            home()

    def _import_foreign(self) -> None:
        # Empty the list first: the imports below ask for names in turn.
        modules, self.foreign = self.foreign, []
        for module in modules:
            import_module(module)

    def _import_all(self) -> None:
        for home in dict.fromkeys(self.homes.values()):
            self._import(home)
        self._import_foreign()


def fill_registries(root: Any) -> None:
    """Let MMEngine's root registries find every part of this package.

    Args:
        root: The module ``mmengine.registry.root``.
    """
    package = __name__.rpartition('.')[0]
    tables: dict[str, dict[str, Home]] = {
        registry: {name: f'{package}.{module}'
                   for module, names in modules.items() for name in names}
        for registry, modules in PARTS.items()}
    # postponed_adafactor adds Adafactor once transformers is imported.
    for registry, homes in {'OPTIMIZERS': {}, **tables}.items():
        table = getattr(root, registry)
        table._module_dict = PartsOnDemand(
            table._module_dict, homes, FOREIGN.get(registry, ()))
