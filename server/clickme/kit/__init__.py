"""The toolbox: what every domain needs and no domain is about."""
