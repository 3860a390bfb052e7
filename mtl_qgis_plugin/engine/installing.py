"""How an environment is made: the way that this machine allows, its commands, its variables, and why it failed.

Nothing here runs anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence
from urllib.parse import quote

from .door import errors
from .flavours import Flavour
from .pythons import Python, fitting, python_of

# What uv brings where the machine has no Python that fits.
MANAGED_PYTHON = "3.12"
# uv may itself run translated on Apple's processors, and would bring a Python for Intel.
_MANAGED_NAMES = {("Darwin", "arm64"): f"cpython-{MANAGED_PYTHON}-macos-aarch64-none"}


@dataclass(frozen=True)
class Way:
    """How to make the environment.

    Attributes:
        base: The Python to make it from; None: uv brings one.
        uv: The program uv; None: venv and pip.
        uv_by: A Python, too old for the engine, that can fetch uv first.
    """

    base: Optional[Python] = None
    uv: Optional[Path] = None
    uv_by: Optional[Python] = None


@dataclass(frozen=True)
class Source:
    """Where the packages come from.

    Attributes:
        requirements: List of versions with hashes.
        index_url: Package index beside the usual one; empty: none.
        wheels: Folder with all packages; then nothing is fetched from the network.
    """

    requirements: Path
    index_url: str = ""
    wheels: Optional[Path] = None


def choose_way(flavour: Flavour, pythons: Sequence[Python], uv: Optional[Path], system: str, offline: bool) -> Way:
    """The best way that there is: uv with a Python of this machine or its own, else venv and pip.

    Raises:
        ResourceError: There is none; says what to install.
    """
    fit = fitting(pythons, flavour.pythons)
    if uv is not None and fit:
        return Way(fit[0], uv)
    if uv is not None and not offline:
        return Way(None, uv)
    makers = [python for python in fit if python.can_make]
    if makers:
        return Way(makers[0])
    older = [python for python in pythons if python.can_make and python.version >= (3, 8)]
    if older and not offline:
        return Way(uv_by=older[0])
    raise _no_way(fit, flavour, system)


def make_command(way: Way, folder: Path, system: str, machine: str) -> List[str]:
    """Makes an empty environment."""
    if way.uv is None:
        return [str(_base(way).path), "-I", "-m", "venv", str(folder)]
    managed = _MANAGED_NAMES.get((system, machine), MANAGED_PYTHON)
    wanted = managed if way.base is None else str(way.base.path)
    return [str(way.uv), "venv", "--no-project", "--python", wanted, str(folder)]


def install_command(way: Way, folder: Path, source: Source, system: str) -> List[str]:
    """Installs the locked versions; what has not the listed hash, or would have to be compiled, is refused."""
    python = str(python_of(folder, system))
    lead = [python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
            "--no-warn-script-location"]
    if way.uv is not None:
        lead = [str(way.uv), "pip", "install", "--python", python]
    words = [*lead, "--require-hashes", "--only-binary", ":all:", "-r", str(source.requirements)]
    if source.wheels is not None:
        return [*words, "--no-index", "--find-links", str(source.wheels)]
    if source.index_url:
        # The index of one library also has old copies of others; the hashes tell which is meant.
        words += ["--extra-index-url", source.index_url]
        words += ["--index-strategy", "unsafe-best-match"] if way.uv is not None else []
    return words


def variables(home: Path, proxy: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """What pip and uv are told beside what passes: everything stays below `home`, and proxies.

    Passwords of proxies go this way, and so into no log and no list of processes.
    """
    return {
        "UV_CACHE_DIR": str(home / "cache" / "uv"),
        "UV_PYTHON_INSTALL_DIR": str(home / "python"),
        "UV_NO_PROGRESS": "1",
        "UV_NATIVE_TLS": "1",  # certificates that the organisation has put into the system; older name
        "UV_SYSTEM_CERTS": "1",
        "PIP_CACHE_DIR": str(home / "cache" / "pip"),
        "PIP_USER": "0",  # a pip.conf may say otherwise
        "TMPDIR": str(home / "tmp"),
        "TEMP": str(home / "tmp"),
        "TMP": str(home / "tmp"),
        **(proxy or {}),
    }


def proxy_variables(kind: str, host: str, port: int = 0, user: str = "", password: str = "",
                    excluded: Sequence[str] = ()) -> Dict[str, str]:
    """QGIS's proxy settings as variables.

    Args:
        kind: QGIS's name: "HttpProxy", "HttpCachingProxy", "Socks5Proxy", or "DefaultProxy" for the system's own.
        host: Name or address of the proxy.
        port: 0: none.
        user: Empty: the proxy asks for none.
        password: Of the user.
        excluded: Addresses that are reached without it; "https://host/" or "host".
    """
    if kind not in ("HttpProxy", "HttpCachingProxy", "Socks5Proxy") or not host:
        return {}
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    scheme = "socks5h" if kind == "Socks5Proxy" else "http"
    url = f"{scheme}://{who}{host}{f':{port}' if port else ''}"
    hosts = [re.sub(r"^[a-z]+://", "", entry).split("/")[0] for entry in excluded]
    return {"HTTP_PROXY": url, "HTTPS_PROXY": url, "ALL_PROXY": url, "NO_PROXY": ",".join(filter(None, hosts))}


_NETWORK = "install.network"
_FAILURES = (
    (r"No space left|os error 28\b|os error 112\b|not enough space|Disk quota", "install.no-space", "The disk is full.",
     "Free some space, or choose another folder for the engine in the plugin's settings."),
    (r"\b407 Proxy|[Ee]rror 407|[Pp]roxy [Aa]uthentication", "install.proxy",
     "The proxy asks for a name and a password.",
     "Set them in QGIS: Settings, Options, Network."),
    (r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer|certificate verify failed",
     "install.certificate",
     "The certificate of the package index is not known here; your organisation may inspect the traffic.",
     "Ask your administrator for the file of certificates and set SSL_CERT_FILE to it, or install from a folder."),
    (r"DO NOT MATCH THE HASHES|[Hh]ash mismatch", "install.hash",
     "A package is not the one that was tested; it was not installed.", "Try again; if it happens again, report it."),
    (r"[Pp]ermission denied|Access is denied|os error 5\b|os error 13\b|Read-only file system", "install.denied",
     "A file could not be written or started: permission is denied.",
     "Close other QGIS windows; if it happens again, choose another folder, or ask your administrator whether a virus "
     "scanner or a policy forbids programs there."),
    (r"\b40[13] (Forbidden|Unauthorized|Client Error)|[Ee]rror 40[13]\b", "install.refused",
     "The package index refuses the download.",
     "Ask your administrator for the address of your organisation's package index, or install from a folder."),
    (r"[Cc]ould not resolve|name resolution|getaddrinfo|dns error|[Cc]onnection (refused|reset|timed|aborted)|"
     r"timed out|[Nn]etwork is unreachable|[Ff]ailed to (fetch|download)|error sending request|Max retries|"
     r"IncompleteRead|NewConnectionError|ProxyError|tunnel", _NETWORK,
     "The packages could not be fetched over the network.",
     "Check the connection and QGIS's proxy settings, and try again: what has come is kept. Or install from a folder."),
    # Without a network pip says this too, at last.
    (r"No matching distribution|no version of|No solution found|has no wheels|no wheels with", "install.no-build",
     "A library has no build for this machine and Python.", "Choose another build, or your own Python."),
)


def explain_failure(last_words: str, offline: bool) -> errors.MtlError:
    """Why an installation failed, from what uv or pip said last."""
    for pattern, code, message, hint in _FAILURES:
        if re.search(pattern, last_words):
            if offline and code in (_NETWORK, "install.no-build"):
                break
            return errors.ResourceError(code, message, hint)
    if offline:
        return errors.ResourceError("install.incomplete-folder", "The folder lacks packages for this machine.",
                                    "Make the folder anew on a machine with the same system and version of Python.")
    return errors.ResourceError("install.failed", "The engine could not be installed.",
                                "Try again; if it happens again, report it with the log file.")


def _no_way(fit: Sequence[Python], flavour: Flavour, system: str) -> errors.ResourceError:
    low, high = (".".join(map(str, version)) for version in flavour.pythons)
    hint = {
        "Windows": "Install Python 3.12 (64 bit) from python.org for yourself; no administrator is needed.",
        "Darwin": "Install Python 3.12 from python.org, or uv.",
    }.get(system, "Install the package python3-venv, or uv.")
    if fit:
        message = f"{fit[0].path} cannot make environments: its module ensurepip is missing."
    else:
        message = f"This machine has neither uv nor a Python {low} to {high} of 64 bit."
    return errors.ResourceError("install.no-python", message, f"{hint} Then try again, or choose your own Python.")


def _base(way: Way) -> Python:
    base = way.base or way.uv_by
    if base is None:
        raise ValueError("this way has no Python")
    return base
