"""Categories and photographs: what there is to recognise."""
