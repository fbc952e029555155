from types import SimpleNamespace

from mmengine.logging import MessageHub

from chtn_plugin.engine.hooks import BoundedHistoryHook


def test_histories_stay_short_whenever_they_begin():
    hub = MessageHub('bounded')
    hook = BoundedHistoryHook(max_length=3)
    for step in range(10):
        hub.update_scalar('train/loss', step)
        if step >= 5:
            hub.update_scalar('val/late', step)
        hook.after_train_iter(SimpleNamespace(message_hub=hub), step)
    assert hub.get_scalar('train/loss').data[0].tolist() == [7, 8, 9]
    assert hub.get_scalar('val/late').data[0].tolist() == [7, 8, 9]
