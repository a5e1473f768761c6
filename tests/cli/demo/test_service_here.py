"""Which service the demo uses, and which it leaves alone."""

import os
import signal
import socket
from pathlib import Path

import pytest

from placet.cli import service
from placet.cli.demo.service_here import interrupted_by_signals, serving, with_free_port
from placet.settings import load_settings


def test_a_taken_port_gives_way_unless_somebody_chose_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "placet.toml"
        environ = {"PLACET_CONFIG": str(file), "PLACET_DATA_DIR": str(tmp_path)}
        file.write_text("")
        usual = load_settings({}, environ)
        unchosen = type(usual)(data_dir=tmp_path, port=port)
        assert with_free_port(unchosen).port == 0
        chosen = load_settings({"port": port}, environ)
        assert with_free_port(chosen).port == port
    assert with_free_port(unchosen).port == port


@pytest.mark.usefixtures("environment")
def test_a_service_that_ran_before_is_used_and_goes_on(folder: Path) -> None:
    settings = load_settings({"data_dir": folder})
    with service.claimed(folder) as file:
        announced = service.announce(file, "http://first", "http://first")
        with serving(settings, keep=False) as (running, is_ours):
            assert running == announced
            assert not is_ours
        assert service.find(folder) == announced


def test_a_signal_to_stop_is_an_interruption() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
