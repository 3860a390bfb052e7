import json
import os
import platform
import subprocess
import sys

import pytest

from mtl_qgis_plugin.engine.child_environment import allowed, child_environment, clean_path

# What QGIS's launchers and plugins were seen to set, and what else breaks another Python.
HARMFUL = {
    "PYTHONHOME": "/x", "PYTHONPATH": "/x", "PYTHONEXECUTABLE": "/x", "PYTHONSTARTUP": "/x", "__PYVENV_LAUNCHER__": "/x",
    "VIRTUAL_ENV": "/x", "CONDA_PREFIX": "/x", "PROJ_LIB": "/x", "PROJ_DATA": "/x", "GDAL_DATA": "/x",
    "GDAL_DRIVER_PATH": "/x", "GDAL_PAM_PROXY_DIR": "/x", "OGR_SQLITE_CACHE": "1", "LD_LIBRARY_PATH": "/x",
    "LD_PRELOAD": "/x", "DYLD_LIBRARY_PATH": "/x", "DYLD_FRAMEWORK_PATH": "/x", "QT_PLUGIN_PATH": "/x", "QT3D_RENDERER": "x",
    "QGIS_PREFIX_PATH": "/x", "OSGEO4W_ROOT": "/x", "GISBASE": "/x", "KERAS_BACKEND": "x", "OMP_NUM_THREADS": "1",
    "PIP_USER": "1", "PIP_TARGET": "/x", "PIP_PREFIX": "/x", "PIP_REQUIRE_VIRTUALENV": "1", "UV_PYTHON": "2", "AWS_SECRET_ACCESS_KEY": "x",
}
SYSTEMS = ("Linux", "Windows", "Darwin")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("installing", [False, True])
def test_nothing_passes_that_breaks_another_python_or_is_nobodys_business(system, installing):
    child = child_environment({**HARMFUL, "LANG": "ne_NP.UTF-8"}, system, installing=installing)
    assert set(child) == {"LANG", "PATH"}


def test_each_entry_of_the_list_has_its_reason():
    for system in SYSTEMS:
        assert all(len(reason) > 5 for reason in allowed(system, installing=True).values())


def test_linux_keeps_home_language_proxy_and_certificates():
    given = {"HOME": "/home/anū", "PATH": "/usr/bin:/bin", "https_proxy": "http://p:8080", "HTTP_PROXY": "http://p:8080",
             "SSL_CERT_FILE": "/etc/ca.pem", "LC_ALL": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "1"}
    assert child_environment(given, "Linux") == given
    assert "home" not in child_environment({"home": "/x"}, "Linux"), "Linux tells cases apart"


def test_windows_knows_no_case_and_keeps_what_sockets_and_builds_need():
    given = {"SystemRoot": r"C:\Windows", "Path": r"C:\Windows\System32;C:\Windows", "UserProfile": r"C:\Users\Anū B",
             "TEMP": r"C:\Temp", "PROCESSOR_ARCHITECTURE": "AMD64", "ComSpec": r"C:\Windows\System32\cmd.exe",
             "Http_Proxy": "http://p:8080"}
    assert child_environment({**given, "PythonHome": "x", "HOME": "x"}, "Windows") == given


def test_settings_of_package_indexes_pass_only_when_installing():
    given = {"PIP_INDEX_URL": "https://mirror/simple", "UV_DEFAULT_INDEX": "https://mirror/simple", "PIP_CERT": "/ca.pem"}
    assert set(child_environment(given, "Linux")) == {"PATH"}
    assert set(child_environment(given, "Linux", installing=True)) == {"PATH", *given}


def test_what_the_plugin_sets_takes_the_place_of_what_passed():
    child = child_environment({"HTTPS_PROXY": "http://old"}, "Linux", extra={"HTTPS_PROXY": "http://new", "KERAS_BACKEND": "torch"})
    assert (child["HTTPS_PROXY"], child["KERAS_BACKEND"]) == ("http://new", "torch")


def test_what_the_plugin_sets_stands_alone_however_the_other_was_written():
    assert child_environment({"Temp": "C:\\T", "Path": "C:\\Windows"}, "Windows", extra={"TEMP": "D:\\T"})["TEMP"] == "D:\\T"
    assert "Temp" not in child_environment({"Temp": "C:\\T"}, "Windows", extra={"TEMP": "D:\\T"})
    child = child_environment({"http_proxy": "http://old"}, "Linux", extra={"HTTP_PROXY": "http://new"})
    assert (child["HTTP_PROXY"], "http_proxy" in child) == ("http://new", False)


@pytest.mark.parametrize("environ, system, path, cleaned", [
    ({}, "Linux", "/usr/local/bin:/usr/bin:/bin", "/usr/local/bin:/usr/bin:/bin"),
    ({"QGIS_PREFIX_PATH": "/usr", "GISBASE": "/usr/lib/grass82"}, "Linux",
     "/usr/lib/grass82/bin:/usr/bin:/usr/lib/grass82/scripts:/bin", "/usr/bin:/bin"),
    ({"QGIS_PREFIX_PATH": "/opt/qgis-3.34/"}, "Linux", "/opt/qgis-3.34/bin:/opt/qgis-3.34x/bin:/usr/bin:/bin", "/opt/qgis-3.34x/bin:/usr/bin:/bin"),
    ({}, "Linux", "::bin:.:/home/qgis/bin:/home/qgis/bin", "/home/qgis/bin:/usr/bin:/bin"),
    ({}, "Darwin", "/Applications/QGIS-LTR.app/Contents/MacOS/bin:/opt/homebrew/bin:/usr/bin:/bin", "/opt/homebrew/bin:/usr/bin:/bin"),
    ({"PYTHONHOME": "/Applications/Maps.app/Contents/MacOS"}, "Darwin", "/Applications/Maps.app/Contents/MacOS/bin:/usr/bin:/bin", "/usr/bin:/bin"),
    ({"SYSTEMROOT": r"C:\WINDOWS"}, "Windows",
     r"C:\PROGRA~1\QGIS33~1.5\bin;C:\Program Files\QGIS 3.34.5\apps\Python39;C:\Program Files\QGIS 3.34.5\bin;C:\WINDOWS\system32;C:\WINDOWS;C:\CUDA\bin",
     r"C:\WINDOWS\system32;C:\WINDOWS;C:\CUDA\bin"),
    ({"OSGEO4W_ROOT": r"D:\GIS", "SystemRoot": r"C:\Windows"}, "Windows", r'd:\gis\bin;D:\GIS2\bin;"C:\My Tools"',
     r"D:\GIS2\bin;C:\My Tools;C:\Windows\System32;C:\Windows"),
    ({}, "Windows", r"C:\OSGeo4W64\bin;\\server\tools;bin", r"\\server\tools;C:\Windows\System32;C:\Windows"),
])
def test_path_loses_qgis_and_relative_folders_but_never_the_systems(environ, system, path, cleaned):
    assert clean_path(path, environ, system) == cleaned


def test_a_child_sees_only_these_variables():
    env = child_environment({**os.environ, **HARMFUL}, platform.system(), extra={"MTL": "地すべり"})
    told = subprocess.run([sys.executable, "-I", "-c", "import json,os; print(json.dumps(dict(os.environ)))"], env=env, capture_output=True,
                          check=True)
    seen = json.loads(told.stdout)
    assert seen["MTL"] == "地すべり"
    assert not set(HARMFUL) & set(seen)
