#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the wheel (PEP 517) with the standard library alone, so that nothing is fetched.

$LEAT_WHEEL_PROGRAM: the program `leat` to be put into it; $LEAT_WHEEL_LIBRARY: libleat.so.1. The libraries that they need go
with them, but for libc's. Without the two the wheel is of Python only, and finds what is installed.

usage: build_backend.py FOLDER     makes the wheel there and prints its path
"""
import base64
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ("leat", "leat_testing")
#: Those belong to the system: glibc's, and its loader.
OF_THE_SYSTEM = re.compile(r"^(ld-linux.*|linux-vdso|lib(c|m|dl|pthread|rt|resolv|util|anl))\.so")


def _project():
    """Of pyproject.toml: there is no parser before Python 3.11."""
    text = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    return {key: re.search(rf'^{key} = "([^"]*)"', text, re.M)[1]
            for key in ("name", "version", "description", "requires-python")}


def _metadata():
    project = _project()
    return (f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
            f"Summary: {project['description']}\nRequires-Python: {project['requires-python']}\nLicense: Apache-2.0\n"
            "Classifier: Framework :: Pytest\nDescription-Content-Type: text/markdown\n\n"
            + (HERE / "README.md").read_text(encoding="utf-8"))


def _needed(path):
    """What a program or library is loaded with, by the loader's own word."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    if "not found" in said:
        raise RuntimeError(f"{path} lacks libraries:\n{said}")
    return {name: file for name, file in re.findall(r"^\s*(\S+) => (/\S+)", said, re.M) if not OF_THE_SYSTEM.match(name)}


def _binaries():
    program, library = os.environ.get("LEAT_WHEEL_PROGRAM"), os.environ.get("LEAT_WHEEL_LIBRARY")
    found, files = {}, {}
    if program:
        files["leat_testing/bin/leat"] = program
        found.update(_needed(program))
    if library:
        found.update(_needed(library))
        found["libleat.so.1"] = library
    files.update({f"leat_testing/lib/{name}": file for name, file in found.items()})
    return files


def _dist_info():
    project = _project()
    return f"{project['name'].replace('-', '_')}-{project['version']}"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    binaries = _binaries()
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_") if binaries else "any"
    tag = f"py3-none-{platform}"
    name = f"{_dist_info()}-{tag}.whl"
    info = f"{_dist_info()}.dist-info"
    contents = {f"{package}/{file.name}": file.read_bytes()
                for package in PACKAGES for file in sorted((HERE / package).glob("*.py"))}
    contents.update({inside: pathlib.Path(file).read_bytes() for inside, file in sorted(binaries.items())})
    pure = "false" if binaries else "true"
    contents[f"{info}/METADATA"] = _metadata().encode()
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: leat\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode()
    contents[f"{info}/entry_points.txt"] = b"[pytest11]\nleat_testing = leat_testing.pytest_plugin\n"
    record = "".join("%s,sha256=%s,%d\n" % (inside, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(),
                                          len(data)) for inside, data in contents.items())
    contents[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for inside, data in contents.items():
            entry = zipfile.ZipInfo(inside)  # of 1980, so that the same input gives the same file
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if inside.startswith("leat_testing/bin/") else 0o100644) << 16
            wheel.writestr(entry, data)
    return name


def build_sdist(sdist_directory, config_settings=None):
    name = f"{_dist_info()}.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory, name), "w:gz") as archive:
        for file in ("pyproject.toml", "build_backend.py", "README.md", *PACKAGES, "examples"):
            archive.add(HERE / file, f"{_dist_info()}/{file}",
                        filter=lambda member: None if "__pycache__" in member.name else member)
    return name


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(pathlib.Path(sys.argv[1], build_wheel(sys.argv[1])))
