"""The environment variables of the engine's process: an allow-list, each entry with its reason.

QGIS sets variables for its own Python, GDAL, PROJ and Qt. In another interpreter they break things: PROJ_LIB makes
rasterio refuse every coordinate system, LD_PRELOAD and PYTHONPATH bring in wrong libraries, PYTHONHOME and
PYTHONEXECUTABLE end or mislead Python. A list of what to drop would miss the next one:
this is a list of what passes.
"""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional, Sequence, Tuple

# name: why the engine needs it. Compared without regard to case on Windows.
_EVERYWHERE = {
    "PATH": "nvidia-smi and the system's own commands; cleaned of QGIS's folders, whose libraries are other versions",
    "LANG": "language of the system's messages, and the encoding of file names on Linux",
    "LC_ALL": "as LANG, where it is set it rules",
    "LC_CTYPE": "as LANG, for characters only",
    "TZ": "time zone of the dates in the log",
    "CUDA_VISIBLE_DEVICES": "which GPU this person may use on a shared machine",
}
_POSIX = {
    "HOME": "keras and matplotlib keep settings and font lists there",
    "TMPDIR": "where large temporary files may go",
    "XDG_CACHE_HOME": "where the person moved all caches",
    "XDG_CONFIG_HOME": "where pip and uv look for the settings of the person's organisation",
}
_WINDOWS = {
    "USERPROFILE": "the person's folder; keras and matplotlib keep settings there",
    "HOMEDRIVE": "the person's folder on some company networks",
    "HOMEPATH": "as HOMEDRIVE",
    "USERNAME": "part of the name of matplotlib's cache",
    "APPDATA": "settings of pip and uv",
    "LOCALAPPDATA": "caches",
    "PROGRAMDATA": "settings of pip and uv for all people of the machine",
    "TEMP": "where large temporary files may go",
    "TMP": "as TEMP",
    "SYSTEMROOT": "without it neither sockets nor random numbers work",
    "WINDIR": "as SYSTEMROOT, for older libraries",
    "SYSTEMDRIVE": "where the system's folders begin",
    "COMSPEC": "Python starts programs by it",
    "PATHEXT": "how programs are found on PATH",
    "PROCESSOR_ARCHITECTURE": "tells pip and uv which builds fit this machine",
    "PROCESSOR_ARCHITEW6432": "as PROCESSOR_ARCHITECTURE, for a 32-bit parent",
    "NUMBER_OF_PROCESSORS": "how many threads libraries start",
}
_NETWORK = {
    "HTTP_PROXY": "the way out of an organisation's network",
    "HTTPS_PROXY": "as HTTP_PROXY",
    "ALL_PROXY": "as HTTP_PROXY",
    "NO_PROXY": "what is reached without it",
    "SSL_CERT_FILE": "certificates of an organisation that inspects its traffic",
    "SSL_CERT_DIR": "as SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE": "as SSL_CERT_FILE, for pip",
    "CURL_CA_BUNDLE": "as REQUESTS_CA_BUNDLE",
}
# For installing only: an organisation's own package index. PIP_USER, PIP_TARGET and PIP_PREFIX would put the packages
# elsewhere and do not pass; nor does UV_PYTHON, which would choose another interpreter.
_INSTALLING = {
    "PIP_INDEX_URL": "an organisation's own package index",
    "PIP_EXTRA_INDEX_URL": "as PIP_INDEX_URL",
    "PIP_TRUSTED_HOST": "as PIP_INDEX_URL, where its certificate is not known",
    "PIP_CERT": "certificates for pip",
    "PIP_CLIENT_CERT": "the person's own certificate for the index",
    "PIP_CONFIG_FILE": "settings of pip by the organisation",
    "PIP_DEFAULT_TIMEOUT": "patience on slow lines",
    "PIP_RETRIES": "as PIP_DEFAULT_TIMEOUT",
    "UV_INDEX_URL": "an organisation's own package index",
    "UV_DEFAULT_INDEX": "as UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL": "as UV_INDEX_URL",
    "UV_INDEX": "as UV_INDEX_URL",
    "UV_INSECURE_HOST": "as PIP_TRUSTED_HOST",
    "UV_NATIVE_TLS": "certificates of the system",
    "UV_SYSTEM_CERTS": "as UV_NATIVE_TLS",
    "UV_CONFIG_FILE": "settings of uv by the organisation",
    "UV_HTTP_TIMEOUT": "patience on slow lines",
    "UV_PYTHON_INSTALL_MIRROR": "an organisation's own copy of the Python builds",
}
# Folders of QGIS on a PATH: C:\OSGeo4W\bin, C:\Program Files\QGIS 3.34.5\apps\..., /Applications/QGIS-LTR.app/...
_QGIS_FOLDER = {
    "Windows": re.compile(r"osgeo4w.*|qgis[ ._-]?(ltr|dev|\d).*", re.IGNORECASE),
    "Darwin": re.compile(r"qgis.*\.app", re.IGNORECASE),
}
# These tell where QGIS lies; on Linux that is often /usr, which must stay.
_QGIS_ROOTS = ("OSGEO4W_ROOT", "QGIS_PREFIX_PATH", "GISBASE", "PYTHONHOME")
_SYSTEM_FOLDERS = ("/", "/usr", "/usr/local", "/opt", "/opt/homebrew", "/opt/local", "/snap")


def child_environment(environ: Mapping[str, str], system: str, *, installing: bool = False,
                      extra: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """The variables of a child process.

    Args:
        environ: QGIS's own variables.
        system: As `platform.system()` says: "Linux", "Windows" or "Darwin".
        installing: The child is pip or uv, not the engine.
        extra: What the plugin itself sets, such as KERAS_BACKEND or a proxy; it takes the place of what passed.
    """
    passing = allowed(system, installing)
    child = {name: value for name, value in environ.items() if _key(name, system) in passing}
    path = next((name for name in child if name.upper() == "PATH"), "PATH")
    child[path] = clean_path(child.get(path, ""), environ, system)
    mine = {_key(name, system) for name in extra or {}}
    return {**{name: value for name, value in child.items() if _key(name, system) not in mine}, **(extra or {})}


def allowed(system: str, installing: bool = False) -> Dict[str, str]:
    """The names that pass, and why."""
    own = _WINDOWS if system == "Windows" else _POSIX
    return {**_EVERYWHERE, **own, **_NETWORK, **(_INSTALLING if installing else {})}


def clean_path(path: str, environ: Mapping[str, str], system: str) -> str:
    """PATH without empty, relative and QGIS's own folders; never without the system's."""
    windows = system == "Windows"
    roots = _qgis_roots(environ, system)
    kept = []
    for entry in path.split(";" if windows else ":"):
        entry = entry.strip().strip('"') if windows else entry
        if _is_absolute(entry, windows) and not _is_qgis(entry, roots, system) and entry not in kept:
            kept.append(entry)
    for folder in _basics(environ, windows):
        if not any(_parts(folder, windows) == _parts(entry, windows) for entry in kept):
            kept.append(folder)
    return (";" if windows else ":").join(kept)


def _key(name: str, system: str) -> str:
    """The name as the lists have it: Windows knows no case, and Linux' proxies may be written small."""
    return name.upper() if system == "Windows" or name.upper() in _NETWORK else name


def _qgis_roots(environ: Mapping[str, str], system: str) -> Sequence[Tuple[str, ...]]:
    windows = system == "Windows"
    ignored = {_parts(folder, windows) for folder in _SYSTEM_FOLDERS}
    found = {_parts(value, windows) for name, value in environ.items() if name.upper() in _QGIS_ROOTS and value}
    return sorted(found - ignored)


def _is_qgis(entry: str, roots: Sequence[Tuple[str, ...]], system: str) -> bool:
    parts = _parts(entry, system == "Windows")
    if any(parts[:len(root)] == root for root in roots):
        return True
    named = _QGIS_FOLDER.get(system)  # on Linux QGIS has no folder of its own
    return named is not None and any(named.fullmatch(part) for part in parts)


def _parts(folder: str, windows: bool) -> Tuple[str, ...]:
    if windows:
        folder = folder.replace("\\", "/").lower()
    return tuple(part for part in folder.split("/") if part)


def _is_absolute(entry: str, windows: bool) -> bool:
    return bool(re.match(r"[A-Za-z]:[\\/]|[\\/]{2}", entry)) if windows else entry.startswith("/")


def _basics(environ: Mapping[str, str], windows: bool) -> Sequence[str]:
    if not windows:
        return "/usr/bin", "/bin"
    root = next((value for name, value in environ.items() if name.upper() == "SYSTEMROOT"), r"C:\Windows")
    return root + r"\System32", root
