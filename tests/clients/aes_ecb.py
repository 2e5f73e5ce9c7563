"""AES-128-ECB as FIPS 197 describes it, by hand, with the vendor's zero padding."""


def _xtime(a):
    a <<= 1
    return (a ^ 0x11B) if a & 0x100 else a


def _times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = _xtime(a), b >> 1
    return product


def _sbox():
    inverse = [0] * 256
    for a in range(1, 256):
        inverse[a] = next(b for b in range(1, 256) if _times(a, b) == 1)
    box = []
    for b in inverse:
        turned = [((b << shift) | (b >> (8 - shift))) & 0xFF for shift in range(5)]
        box.append(turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63)
    return box


SBOX = _sbox()
INVERSE = [SBOX.index(a) for a in range(256)]
PRODUCTS = {factor: [_times(a, factor) for a in range(256)] for factor in (1, 2, 3, 9, 11, 13, 14)}


def _round_keys(key):
    words = [list(key[at : at + 4]) for at in range(0, 16, 4)]
    constant = 1
    for at in range(4, 44):
        word = list(words[at - 1])
        if at % 4 == 0:
            word = [SBOX[a] for a in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _xtime(constant)
        words.append([a ^ b for a, b in zip(word, words[at - 4])])
    return [sum(words[at : at + 4], []) for at in range(0, 44, 4)]


def _add(state, key):
    return [a ^ b for a, b in zip(state, key)]


def _shift(state, step):
    return [state[(column + step * row) % 4 * 4 + row] for column in range(4) for row in range(4)]


def _mix(state, factors):
    mixed = []
    for column in range(0, 16, 4):
        for row in range(4):
            value = 0
            for at in range(4):
                value ^= PRODUCTS[factors[(at - row) % 4]][state[column + at]]
            mixed.append(value)
    return mixed


def encrypt_block(key, block):
    keys = _round_keys(key)
    state = _add(block, keys[0])
    for at in range(1, 11):
        state = _shift([SBOX[a] for a in state], 1)
        if at < 10:
            state = _mix(state, (2, 3, 1, 1))
        state = _add(state, keys[at])
    return bytes(state)


def decrypt_block(key, block):
    keys = _round_keys(key)
    state = _add(block, keys[10])
    for at in range(9, -1, -1):
        state = [INVERSE[a] for a in _shift(state, -1)]
        state = _add(state, keys[at])
        if at:
            state = _mix(state, (14, 11, 13, 9))
    return bytes(state)


def encrypt(key, plain):
    # At least one zero; a full block gets a block of them.
    plain += b"\0" * (16 - len(plain) % 16)
    return b"".join(encrypt_block(key, plain[at : at + 16]) for at in range(0, len(plain), 16))


def decrypt(key, secret):
    assert secret and len(secret) % 16 == 0, len(secret)
    plain = b"".join(decrypt_block(key, secret[at : at + 16]) for at in range(0, len(secret), 16))
    return plain.rstrip(b"\0")
