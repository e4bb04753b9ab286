"""The vectors as docs/protocol.md shows them, between two marks."""

import textwrap

BEGIN = "<!-- vectors: written by tests/vectors/generate.py -->\n"
END = "<!-- end of vectors -->\n"


def grouped(hexdigits):
    """Hex in words of 4 bytes, 32 bytes a line."""
    words = textwrap.wrap(hexdigits, 8)
    return "\n".join(" ".join(words[i:i + 8]) for i in range(0, len(words), 8))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def code(text):
    return f"`{text}`"


def inputs_part(inputs):
    rows = [(name.replace("_", " "), code(value)) for name, value in inputs.items() if name != "group_keys"]
    rows += [(f"group key “{name}”: id, cipher, key", f"{key['key_id']}, {key['cipher']}, {code(key['key'])}")
             for name, key in inputs["group_keys"].items()]
    return table(("input", "value"), rows)


def derived_part(derived):
    rows = []
    for entry in derived:
        value = code(entry["key"])
        if "nonce_salt" in entry:
            value += f", nonce salt {code(entry['nonce_salt'])}"
        rows.append((entry["name"], value))
    return table(("derived key", "value"), rows)


def fields_line(fields):
    shown = []
    for name, value in fields.items():
        if isinstance(value, list):
            shown.append(f"{name} {', '.join(str(v) for v in value)}")
        elif isinstance(value, str) and len(value) > 64:
            continue  # payloads and signatures: the hex has them
        else:
            shown.append(f"{name} {value}")
    return "; ".join(shown)


def packet_part(packet):
    about = packet["about"]
    if "trailer_key" in packet:
        about += f" Trailer key: {packet['trailer_key']}."
    text = f"**{packet['name']}** {about}\n\n```\n{grouped(packet['datagram'])}\n```\n\n"
    text += fields_line(packet["fields"]) + "\n\n"
    if "seal" in packet:
        seal = packet["seal"]
        text += f"Sealed with {seal['traffic_key']}, nonce {code(seal['nonce'])}, AAD {code(seal['aad'])}, plaintext"
        text += f":\n\n```\n{grouped(seal['plaintext'])}\n```\n\n" if seal["plaintext"] else ": none\n\n"
    return text


def section(vectors):
    text = "### Inputs and keys\n\n" + inputs_part(vectors["inputs"]) + "\n" + derived_part(vectors["derived"])
    text += "\n### Good packets\n\n" + "".join(packet_part(p) for p in vectors["packets"])
    text += "### Datagrams to refuse\n\n"
    for bad in vectors["refused"]:
        text += f"**{bad['name']}** {bad['fault']}\n\n```\n{grouped(bad['datagram'])}\n```\n\n"
    return text


def with_vectors(document, vectors):
    """`document` with what stands between the marks made new."""
    before, rest = document.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + "\n" + section(vectors) + END + after
