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
