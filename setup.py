"""The C core and its wheel tag; everything else is in pyproject.toml."""

import sysconfig

from setuptools import setup

# Free-threaded interpreters have no stable ABI: there, the wheel is for one version.
STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    cffi_modules=["csrc/build_ffi.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
