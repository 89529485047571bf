"""The flows of Power Automate that this product needs, as solution packages for one site and its lists."""
