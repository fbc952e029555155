"""What a work directory is refused for, and what it loses."""
import os
from types import SimpleNamespace

import pytest

from chtn_plugin.engine.work_dir import ClearWorkDirHook, claim_work_dir


def test_a_finished_run_is_not_overwritten_unasked(tmp_path):
    (tmp_path / 'iter_5.pth').touch()
    (tmp_path / 'best_x_iter_5.pth').touch()
    with pytest.raises(ValueError, match='--resume.*--overwrite'):
        claim_work_dir(str(tmp_path), resume=False, overwrite=False)
    claim_work_dir(str(tmp_path), resume=True, overwrite=False)
    assert len(list(tmp_path.glob('*.pth'))) == 2
    claim_work_dir(str(tmp_path), resume=False, overwrite=True)
    assert len(list(tmp_path.glob('*.pth'))) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_an_unwritable_work_directory_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match='must be writable'):
        claim_work_dir(str(tmp_path), resume=False, overwrite=False)


def test_a_work_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='must be writable'):
        claim_work_dir(str(tmp_path / 'file'), False, False)


def test_overwriting_deletes_what_a_run_writes_and_no_more(tmp_path):
    runs = ['iter_3.pth', 'epoch_3.pth', 'best_retrieval_mean_mAP_iter_3.pth',
            'last_checkpoint']
    mine = ['my_iter_3.pth', 'best_model_of_mine.pth', 'notes.part',
            'resnet_epoch_100.pth', 'iter_3.pth.bak']
    for name in runs + mine:
        (tmp_path / name).touch()
    ClearWorkDirHook().before_train(SimpleNamespace(work_dir=str(tmp_path)))
    assert sorted(os.listdir(tmp_path)) == sorted(mine)


def test_files_of_the_users_are_no_run(tmp_path):
    for name in ('my_iter_3.pth', 'best_model_of_mine.pth'):
        (tmp_path / name).touch()
    claim_work_dir(str(tmp_path), resume=False, overwrite=False)
