from pathlib import Path

import pytest

from mtl_qgis_plugin.engine.door import errors
from mtl_qgis_plugin.engine.flavours import FLAVOURS
from mtl_qgis_plugin.engine.installing import (
    Source,
    Way,
    choose_way,
    explain_failure,
    install_command,
    make_command,
    proxy_variables,
    variables,
)
from mtl_qgis_plugin.engine.pythons import Python

BY_NAME = {flavour.name: flavour for flavour in FLAVOURS}
CPU = BY_NAME["cpu"]
UV = Path("/opt/uv")


def python(minor, can_make=True):
    return Python(Path(f"/usr/bin/python3.{minor}"), (3, minor, 1), 64, "x86_64", "/usr", "/usr", can_make)


@pytest.mark.parametrize("pythons, uv, offline, way", [
    ([python(12)], UV, False, Way(python(12), UV)),
    ([python(12, can_make=False)], UV, False, Way(python(12, can_make=False), UV)),  # uv needs no ensurepip
    ([python(9)], UV, False, Way(None, UV)),
    ([], UV, False, Way(None, UV)),
    ([python(12)], None, False, Way(python(12))),
    ([python(13, can_make=False), python(11)], None, False, Way(python(11))),
    ([python(14), python(13)], None, False, Way(python(13))),  # TensorFlow has no build for 3.14
    ([python(9)], None, False, Way(uv_by=python(9))),  # QGIS up to 3.34.5 on Windows
    ([python(12)], UV, True, Way(python(12), UV)),
    ([python(12)], None, True, Way(python(12))),
])
def test_the_best_way_that_there_is_is_taken(pythons, uv, offline, way):
    assert choose_way(CPU, pythons, uv, "Linux", offline) == way


@pytest.mark.parametrize("pythons, uv, offline, said", [
    ([], None, False, "neither uv nor a Python 3.11 to 3.13"),
    ([python(9)], None, True, "neither uv nor"),
    ([], UV, True, "Then try again, or choose your own Python"),
    ([python(12, can_make=False)], None, False, "ensurepip is missing"),
])
@pytest.mark.parametrize("system, advice", [("Linux", "python3-venv"), ("Windows", "python.org"), ("Darwin", "python.org")])
def test_where_there_is_no_way_the_error_says_what_to_install(pythons, uv, offline, said, system, advice):
    with pytest.raises(errors.ResourceError) as caught:
        choose_way(CPU, pythons, uv, system, offline)
    assert said in str(caught.value) and advice in caught.value.hint


LISTED = Path("/plugin/requirements/cpu.txt")


def test_uv_makes_and_fills_the_environment():
    way, folder = Way(python(12), UV), Path("/home/ü é/env/x")
    assert make_command(way, folder, "Linux", "x86_64") == ["/opt/uv", "venv", "--no-project", "--python", "/usr/bin/python3.12", "/home/ü é/env/x"]
    assert make_command(Way(None, UV), folder, "Windows", "amd64")[4] == "3.12"
    assert make_command(Way(None, UV), folder, "Darwin", "arm64")[4] == "cpython-3.12-macos-aarch64-none"
    assert install_command(way, folder, Source(LISTED), "Linux") == [
        "/opt/uv", "pip", "install", "--python", "/home/ü é/env/x/bin/python", "--require-hashes", "--only-binary", ":all:",
        "-r", str(LISTED)]


def test_pip_fills_what_venv_made_and_no_python_variable_or_stray_module_takes_part():
    way, folder = Way(python(12)), Path("/e")
    assert make_command(way, folder, "Linux", "x86_64") == ["/usr/bin/python3.12", "-I", "-m", "venv", "/e"]
    words = install_command(way, folder, Source(LISTED), "Windows")
    assert words[:4] == [str(Path("/e/Scripts/python.exe")), "-I", "-m", "pip"]
    assert {"--require-hashes", "--only-binary", "--no-input"} <= set(words)


@pytest.mark.parametrize("way", [Way(python(12), UV), Way(python(12))])
def test_from_a_folder_nothing_is_fetched(way):
    words = install_command(way, Path("/e"), Source(LISTED, "https://index/cu", Path("/media/usb stick/wheels")), "Linux")
    assert words[-3:] == ["--no-index", "--find-links", "/media/usb stick/wheels"]
    assert not any("https://" in word for word in words)
    assert "--require-hashes" in words


@pytest.mark.parametrize("name", list(BY_NAME))
def test_each_build_is_locked_and_asks_its_own_index_where_it_needs_one(name):
    flavour = BY_NAME[name]
    for way in (Way(python(12), UV), Way(python(12))):
        words = install_command(way, Path("/e"), Source(Path(f"/r/{name}.txt"), flavour.index_url), "Windows")
        assert "--require-hashes" in words and f"/r/{name}.txt" in words
        assert ("--extra-index-url" in words) == (name == "nvidia-windows")
        assert ("unsafe-best-match" in words) == (name == "nvidia-windows" and way.uv is not None)


def test_everything_stays_in_the_engines_folder():
    given = variables(Path("/h"), {"HTTPS_PROXY": "http://p"})
    for name in ("UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR", "PIP_CACHE_DIR", "TMPDIR", "TEMP"):
        assert Path(given[name]).parts[1] == "h"
    assert given["HTTPS_PROXY"] == "http://p"


def test_qgis_proxy_settings_become_variables():
    given = proxy_variables("HttpProxy", "proxy.example.org", 8080, "anu", "p@ss:wörd/", ["https://intranet.example.org/", "localhost"])
    assert given["HTTPS_PROXY"] == given["HTTP_PROXY"] == "http://anu:p%40ss%3Aw%C3%B6rd%2F@proxy.example.org:8080"
    assert given["NO_PROXY"] == "intranet.example.org,localhost"
    assert proxy_variables("Socks5Proxy", "p")["ALL_PROXY"] == "socks5h://p"
    assert proxy_variables("DefaultProxy", "p") == proxy_variables("HttpProxy", "") == {}


# Words of uv 0.13 and pip 23 to 26.
@pytest.mark.parametrize("words, code", [
    ("error: Failed to fetch: `https://pypi.org/simple/keras/`\n  Caused by: dns error", "install.network"),
    ("WARNING: Retrying ... NewConnectionError: [Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found for keras", "install.network"),
    ("  Caused by: invalid peer certificate: UnknownIssuer", "install.certificate"),
    ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "install.certificate"),
    ("OSError: Tunnel connection failed: 407 Proxy Authentication Required", "install.proxy"),
    ("error: Failed to extract archive\n  Caused by: No space left on device (os error 28)", "install.no-space"),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "install.hash"),
    ("  x Hash mismatch for `keras==3.15.1`", "install.hash"),
    ("ERROR: No matching distribution found for tensorflow-cpu==2.21.0", "install.no-build"),
    ("ERROR: HTTP error 403 while getting https://pypi.org", "install.refused"),
    ("Downloading x (407 kB)\nDownloading y (403 kB)\nERROR: No matching distribution found for z", "install.no-build"),
    ("HTTP status client error (403 Forbidden) for url", "install.refused"),
    ("error: failed to create directory: Access is denied. (os error 5)", "install.denied"),
    ("something new", "install.failed"),
])
def test_what_uv_and_pip_say_becomes_a_sentence(words, code):
    error = explain_failure(words, offline=False)
    assert error.code == code
    assert error.message.endswith(".") and error.hint.endswith(".")


def test_a_folder_without_all_packages_is_named_as_such():
    assert explain_failure("ERROR: No matching distribution found for keras==3.15.1", offline=True).code == "install.incomplete-folder"
    assert explain_failure("No space left on device", offline=True).code == "install.no-space"
