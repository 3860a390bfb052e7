import errno

import pytest

from mtl_qgis_plugin.engine.door import errors
from mtl_qgis_plugin.engine.endings import error_of, explain_end, explain_no_start


@pytest.mark.parametrize("code, words, system, expected", [
    (-9, "", "Linux", "engine.memory"),
    (-9, "", "Darwin", "engine.memory"),
    (-6, "terminate called after throwing an instance of 'std::bad_alloc'", "Linux", "engine.memory"),
    (-6, "", "Linux", "engine.crashed"),
    (-4, "", "Linux", "engine.processor"),
    (-6, "The TensorFlow library was compiled to use AVX instructions, but these aren't available", "Linux", "engine.processor"),
    (1, "ModuleNotFoundError: No module named 'rasterio._base'", "Linux", "engine.incomplete"),
    (1, "ImportError: libGL.so.1: cannot open shared object file", "Linux", "engine.libraries"),
    (1, "ImportError: DLL load failed while importing _base: not found", "Windows", "engine.libraries"),
    (0xC0000005, "", "Windows", "engine.crashed"),
    (-1073741819, "", "Windows", "engine.crashed"),
    (0xC0000017, "", "Windows", "engine.memory"),
    (0xC000001D, "", "Windows", "engine.processor"),
    (0xC0000135, "", "Windows", "engine.libraries"),
    (1, "", "Windows", "engine.died"),
    (1, "", "Linux", "engine.died"),
])
def test_an_end_without_an_account_is_explained(code, words, system, expected):
    name, message, hint = explain_end(code, words, system)
    assert name == expected
    assert message.endswith(".") and hint.endswith(".")


def windows_error(number):
    error = OSError(errno.EACCES if number == 5 else errno.EINVAL, "?")
    error.winerror = number
    return error


@pytest.mark.parametrize("error, code, said", [
    (FileNotFoundError(errno.ENOENT, "?"), "engine.missing", "Repair"),
    (PermissionError(errno.EACCES, "?"), "engine.blocked", "access is denied"),
    (windows_error(225), "engine.blocked", "virus scanner"),
    (windows_error(1260), "engine.blocked", "group policy"),
    (windows_error(4551), "engine.blocked", "application control"),
    (windows_error(193), "engine.no-start", "Repair"),
    (OSError(errno.ENOMEM, "?"), "engine.memory", "too little memory"),
    (OSError(errno.ENOEXEC, "Exec format error"), "engine.no-start", "Exec format error"),
])
def test_a_program_that_does_not_start_is_explained(error, code, said):
    explained = explain_no_start(error, "/engine/bin/python")
    assert isinstance(explained, errors.ResourceError)
    assert explained.code == code
    assert said in str(explained)


def test_exit_codes_give_the_contracts_kinds_of_errors():
    for kind in errors.MtlError.__subclasses__():
        assert type(error_of(kind.exit_code, ("a", "b", "c"))) is kind
    assert type(error_of(1, ("a", "b", "c"))) is errors.MtlError
