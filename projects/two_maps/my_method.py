import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import nn

from chtn_plugin.models import Encoded, TwoTowerModel


@MODELS.register_module()
class TwoMaps(TwoTowerModel):
    """One linear map a modality, a classifier on both."""
    paper = 'https://example.org/two-maps'

    def __init__(self, trunk, text_encoder, num_classes, width=64,
                 pair_weight=1.0, data_preprocessor=None):
        super().__init__(trunk, text_encoder, num_classes,
                         data_preprocessor=data_preprocessor)
        self.image_map = nn.Linear(self.image_size, width)
        self.text_map = nn.Linear(self.text_size, width)
        self.classifier = nn.Linear(width, num_classes)
        self.pair_weight = pair_weight

    def encode_image(self, image):
        return self._encoded(self.image_map(self.image_features(image)))

    def encode_text(self, text):
        return self._encoded(self.text_map(self.text_features(text)))

    def _encoded(self, rows):
        return Encoded(F.normalize(rows.float()), self.classifier(rows),
                       dict(common=rows))

    def loss(self, inputs, data_samples):
        pair = self.encode_pair(inputs['image'], inputs['text'])
        terms = {f'loss_cls_{name}': F.cross_entropy(
            encoded.logits.float(), data_samples['label'])
            for name, encoded in pair.items()}
        apart = pair['image'].repr - pair['text'].repr
        terms['loss_pair'] = self.pair_weight * apart.square().sum(1).mean()
        return terms
