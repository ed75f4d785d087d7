#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""list.py PACKAGE.deb LICENCES [ROOT]: what the programs of a package depend on, with version
and licence, as SPDX 2.3 tag-value text.

Versions are those of the libraries it was linked with: of this machine, or of ROOT, which has dpkg's
record. The text has no time but SOURCE_DATE_EPOCH, so it is always the same.
"""

import hashlib
import os
import re
import subprocess
import sys
import time


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], check=True, capture_output=True,
                          text=True).stdout.strip()


def licences(path):
    with open(path, encoding="utf-8") as f:
        lines = [line.split(None, 1) for line in f if line.strip() and not line.startswith("#")]
    return {name: text.strip() for name, text in lines}


def licence(known, package):
    """libgpiod2, libgpiod3 and libssl3t64 are those of libgpiod and libssl."""
    name = re.sub(r"[0-9.]*(t64)?$", "", package)
    if name not in known:
        sys.exit(f"list.py: {package}: put the licence of {name} into systemd/package/licences")
    return known[name]


def version(package, architecture, root):
    record = [f"--admindir={root}/var/lib/dpkg"] if root else []
    said = subprocess.run(["dpkg-query", *record, "-W", "-f", "${Version}",
                           f"{package}:{architecture}"], check=False, capture_output=True, text=True)
    if said.returncode or not said.stdout:
        sys.exit(f"list.py: {package}:{architecture}: {said.stderr.strip() or 'no version'}")
    return said.stdout


def libraries(deb):
    """Those that dpkg-shlibdeps has found: each comes with one name; alternatives are no library."""
    for part in field(deb, "Depends").split(","):
        if "|" not in part:
            yield part.split()[0]


def tell(**tags):
    for tag, text in tags.items():
        print(f"{tag}: {text}")
    print()


def package(identifier, name, number, licence_text, supplier, **more):
    tell(PackageName=name, SPDXID=f"SPDXRef-{identifier}", PackageVersion=number,
         PackageSupplier=supplier, PackageDownloadLocation="NOASSERTION", FilesAnalyzed="false",
         **more, PackageLicenseConcluded=licence_text, PackageLicenseDeclared=licence_text,
         PackageCopyrightText="NOASSERTION")


def main():
    deb, known, root = sys.argv[1], licences(sys.argv[2]), (sys.argv[3:] or [""])[0]
    name, number, architecture = (field(deb, f) for f in ("Package", "Version", "Architecture"))
    with open(deb, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    tell(SPDXVersion="SPDX-2.3", DataLicense="CC0-1.0", SPDXID="SPDXRef-DOCUMENT",
         DocumentName=os.path.basename(deb),
         DocumentNamespace=f"urn:{name}:{number}:{architecture}:{digest}",
         Creator="Tool: jkpylon-tools-package", Created=created)
    package(name, name, number, "Apache-2.0", "NOASSERTION",
            PackageFileName=os.path.basename(deb), PackageChecksum=f"SHA256: {digest}")
    print(f"Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-{name}\n")
    for library in libraries(deb):
        package(library, library, version(library, architecture, root), licence(known, library),
                "Organization: Debian")
        print(f"Relationship: SPDXRef-{name} DYNAMIC_LINK SPDXRef-{library}\n")


main()
