"""Configurations that come with the package."""
import pytest

from chtn_plugin.engine.shipped_configs import config_path, shipped_configs


def test_a_shipped_configuration_is_found_by_name():
    assert config_path('chtn_plugin::chtn_demo.py') == str(
        shipped_configs() / 'chtn_demo.py')


def test_a_file_is_itself(tmp_path):
    path = tmp_path / 'mine.py'
    path.touch()
    assert config_path(str(path)) == str(path)


@pytest.mark.parametrize('name', ['gone.py', 'chtn_plugin::gone.py'])
def test_what_is_not_there_is_named(name):
    with pytest.raises(FileNotFoundError,
                       match=f'configuration not found: {name}'):
        config_path(name)


@pytest.mark.parametrize('name, meant', [
    ('{folder}/mnie_5.py', '{folder}/mine_5.py'),
    ('{folder}/chtn_demos.py', 'chtn_plugin::chtn_demo.py'),
    ('chtn_plugin::methods/dscmr_wki.py',
     f'{shipped_configs()}/methods/dscmr_wiki.py'),
    ('few_pascal.py', 'chtn_plugin::few_labels/few_pascal.py')])
def test_what_may_be_meant_is_asked_for(tmp_path, name, meant):
    (tmp_path / 'mine_5.py').touch()
    with pytest.raises(FileNotFoundError) as raised:
        config_path(name.format(folder=tmp_path))
    assert str(raised.value).endswith(
        f': did you mean {meant.format(folder=tmp_path)}?')
