"""Software and its end of life: products, cycles, dates, versions. Pure, over data that ships inside."""
