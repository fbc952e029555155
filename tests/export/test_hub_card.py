"""The YAML at the head of a model card."""
import yaml

from chtn_plugin.export.hub_card import front_matter

_ROW = dict(direction='i2t', protocol='chtn-map-all', value=.61239,
            split='test')


def head(*rows, licence='Apache-2.0'):
    text = front_matter('m', 'CHTN', 'squares', licence, rows)
    assert text.startswith('---\n') and text.endswith('---\n\n')
    return yaml.safe_load(text.strip('-\n'))


def test_figures_become_the_hubs_results():
    result, = head(_ROW, dict(_ROW, value=None))['model-index'][0]['results']
    assert result['dataset'] == dict(name='squares', type='custom',
                                     split='test')
    assert result['metrics'] == [dict(type='retrieval',
                                      name='i2t chtn-map-all', value=.6124)]


def test_without_figures_there_are_no_results():
    assert 'model-index' not in head()


def test_licences_are_spelt_as_the_hub_does():
    assert head()['license'] == 'apache-2.0'
    other = head(licence='ask me')
    assert (other['license'], other['license_name']) == ('other', 'ask me')
