# SPDX-License-Identifier: Apache-2.0
"""Files that functions import where they run: python.files, env.add_python_file, flink run -pyfs. They travel
with the job as one zip archive, which each worker process has in its memory and on its path."""
import os

ARCHIVE_BYTES_MAX = 8 << 20  # it travels with each operator that has a Python function
_ARCHIVES = (".zip", ".whl", ".egg")
_COMPILED = (".so", ".pyd", ".dylib")
_DATE = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes


def listed(text):
    """The paths of python.files, absolute; a missing one is an error."""
    paths = [os.path.abspath(path.strip()) for path in (text or "").split(",") if path.strip()]
    for path in paths:
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path} (python.files) does not exist")
    return paths


def on_path(path):
    """What makes the file's modules importable in this process."""
    return os.path.dirname(path) if os.path.isfile(path) and not path.endswith(_ARCHIVES) else path


def archive(paths):
    """One zip of all; where two have the same name, the first one's counts. b"" when there are none."""
    if not paths:
        return b""
    import io
    import zipfile  # a tenth of what importing pyflink takes, for the few that need it
    members = {}
    for path in paths:
        for name, read in _members(path):
            members.setdefault(name, read)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as into:
        for name in sorted(members):
            if name.endswith(_COMPILED):
                raise ValueError(f"{name} in python.files is compiled and cannot travel with a job: install it for the "
                                 f"Python of the workers (python.executable)")
            into.writestr(zipfile.ZipInfo(name, _DATE), members[name](), zipfile.ZIP_DEFLATED)
    data = written.getvalue()
    if len(data) > ARCHIVE_BYTES_MAX:
        raise ValueError(f"python.files are {len(data)} bytes, packed; at most {ARCHIVE_BYTES_MAX} travel with a job: "
                         f"name the modules in place of their folder, or install them where the workers run")
    return data


def _members(path):
    """(name in the archive, function that reads it)"""
    if os.path.isdir(path):
        is_package = os.path.exists(os.path.join(path, "__init__.py"))
        for name in _files_below(path):
            yield name, _reader(os.path.join(path, name))
            if is_package:  # as `import folder` finds it; its modules alone are found too, as in Flink
                yield os.path.join(os.path.basename(path), name), _reader(os.path.join(path, name))
    elif path.endswith(_ARCHIVES):
        import zipfile
        with zipfile.ZipFile(path) as opened:
            read = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
        for name, data in read.items():
            yield name, lambda data=data: data
    else:
        yield os.path.basename(path), _reader(path)


def _files_below(folder):
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for file in sorted(files):
            if not file.startswith("."):
                yield os.path.relpath(os.path.join(at, file), folder)


def _reader(path):
    def read():
        with open(path, "rb") as file:
            return file.read()
    return read
