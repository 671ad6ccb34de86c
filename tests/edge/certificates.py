"""Certificates and keys as files, as a site has them."""


def pem(path, *blobs):
    path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    path.chmod(0o600)
    return path


def identity(folder, authority, name, **how):
    """A certificate and its key, as two files."""
    made = authority.issue_cert(name, **how)
    return pem(folder / f"{name}.crt", *made.cert_chain_pems), pem(
        folder / f"{name}.key", made.private_key_pem
    )
