"""Unity's messages: what the wire and `.demo` files are made of, read with distrust."""
